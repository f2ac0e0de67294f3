import type { Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { Log } from '../../lib/index.ts';
import { createNewcomerPace, type NewcomerPace } from './newcomer-pace.ts';

/** Connections that were accepted and whose TLS handshake has not begun. */
export type WaitingConnections = {
  /** A request came on a connection that was served before: new ones take what time it leaves. On the hot path. */
  noteUse: NewcomerPace['noteUse'];
  /** From now on handshakes begin; until then all wait, because nobody could answer them. */
  open(): void;
  /** Ends those that have said nothing for a second, for a listener that is closing, and all when it never opened. */
  endSilent(): void;
};

type Waiting = { socket: Socket; acceptedAt: number; begin(): void };

/** A ClientHello fits into one TLS record (RFC 8446 section 5.1), and a client says no more before it is answered. */
const mostBytes = 16 * 1024 + 5;
/** For so many milliseconds that a turn of the event loop took, one more handshake begins in the next. */
const turnMsForOneMore = 4;
const mostInOneTurn = 16;
const silentMs = 1_000;

/**
 * Lets TLS handshakes begin one after the other, one in each turn of the event loop and a few more where turns are long, so that a thousand
 * new connections at once do not stop those that are in use: each handshake is a signature and most of a millisecond. While others are in
 * use the loop rests between them (`newcomer-pace.ts`), because their first requests come right behind. They wait in the order of their
 * ClientHello. Nobody holds a place by being slow: who has said nothing is not in the queue, and who has begun has left it.
 *
 * More than `connectionsWaiting` are reset: before TLS there is nothing in which a reason could be given.
 *
 * To be called before anybody else listens to `connection`.
 */
export function createWaitingConnections(
  server: Http2SecureServer,
  options: { connectionsWaiting: number; headersMs: number; log: Log },
): WaitingConnections {
  const { connectionsWaiting, headersMs, log } = options;
  const [beginTls, ...others] = server.listeners('connection') as ((this: Http2SecureServer, socket: Socket) => void)[];
  if (beginTls === undefined || others.length > 0)
    throw new Error('a TLS server of Node begins handshakes differently');
  server.off('connection', beginTls);

  const silent = new Set<Waiting>();
  const queue = new Set<Waiting>();
  const pace = createNewcomerPace();
  let turnBeganAt = 0;
  let isScheduled = false;
  let isOverflowTold = false;
  let isOpen = false;

  function onConnection(socket: Socket): void {
    const said: Buffer[] = [];
    let saidBytes = 0;
    const timer = setTimeout(() => socket.destroy(), headersMs).unref();
    const waiting: Waiting = {
      socket,
      acceptedAt: performance.now(),
      begin() {
        leave();
        for (const bytes of said.toReversed()) socket.unshift(bytes);
        beginTls!.call(server, socket);
      },
    };
    silent.add(waiting);
    // A reset by the client; `close` follows. Unheard, it would end the process.
    socket.on('error', () => undefined);
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', leave);

    function onReadable(): void {
      for (let bytes; (bytes = socket.read() as Buffer | null) !== null;) {
        said.push(bytes);
        saidBytes += bytes.length;
      }
      if (saidBytes === 0) return;
      // What is no ClientHello is only refused, so it is not kept until then.
      if (saidBytes > mostBytes && queue.size > 0) return void socket.destroy();
      if (silent.delete(waiting)) enqueue(waiting);
    }

    function onEnd(): void {
      socket.destroy();
    }

    function leave(): void {
      clearTimeout(timer);
      silent.delete(waiting);
      queue.delete(waiting);
      socket.off('readable', onReadable).off('end', onEnd).off('close', leave);
    }
  }

  function enqueue(waiting: Waiting): void {
    if (queue.size >= connectionsWaiting) {
      if (!isOverflowTold) log.warn({ waiting: queue.size }, 'too many new connections at once: some are reset');
      isOverflowTold = true;
      return void waiting.socket.resetAndDestroy();
    }
    queue.add(waiting);
    schedule();
  }

  function schedule(): void {
    if (isScheduled || !isOpen) return;
    isScheduled = true;
    turnBeganAt = performance.now();
    setImmediate(turn);
  }

  function later(): void {
    isScheduled = true;
    turnBeganAt = performance.now();
    setTimeout(turn, 1);
  }

  function turn(): void {
    isScheduled = false;
    const took = performance.now() - turnBeganAt;
    let left = Math.min(mostInOneTurn, 1 + Math.floor(took / turnMsForOneMore));
    for (const waiting of queue) {
      if (left-- === 0) break;
      if (!pace.mayBegin(queue.size)) return later();
      waiting.begin();
      pace.begun();
    }
    if (queue.size > 0) schedule();
    else isOverflowTold = false;
  }

  server.on('connection', onConnection);

  return {
    noteUse: pace.noteUse,
    open() {
      isOpen = true;
      if (queue.size > 0) schedule();
    },
    endSilent() {
      if (!isOpen) for (const { socket } of queue) socket.destroy();
      const since = performance.now() - silentMs;
      for (const { socket, acceptedAt } of silent) if (acceptedAt < since) socket.destroy();
    },
  };
}
