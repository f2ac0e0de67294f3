import { type ClientHttp2Session, connect } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Dial } from './dial.ts';
import type { ForwardedRequest, Forwarder, ForwardHandler } from './forwarder.ts';
import { Http2Exchange } from './http2-stream.ts';

export type Http2ForwarderOptions = {
  origin: string;
  /** TLS with ALPN `h2`, or plain TCP for HTTP/2 with prior knowledge (RFC 9113 section 3.3). */
  dial: Dial;
  limits: { answerHeaderBytes: number; firstByteMs: number };
};

type Connection = { session: ClientHttp2Session; streams: number; idleTimer: NodeJS.Timeout | undefined };
type Waiting = { request: ForwardedRequest; handler: ForwardHandler };

/** More on one connection than this, and another one is opened; a back end that allows fewer is asked for fewer. */
const streamsPerConnection = 100;
const idleMs = 60_000;
const streamWindowBytes = 256 * 1024;
const connectionWindowBytes = 4 * 1024 * 1024;

/**
 * Requests over HTTP/2 to one back end. Written on `node:http2` instead of undici's own HTTP/2, because that one counts the bytes
 * of the answer as sent, ends the client's request together with the upstream's answer, and does not say whether an answer ended
 * with its headers; gRPC needs all three. Connections are opened on demand and closed after a minute without a request.
 */
export function createHttp2Forwarder({ origin, dial, limits }: Http2ForwarderOptions): Forwarder {
  const connections = new Set<Connection>();
  const waiting: Waiting[] = [];
  let isDialling = false;
  let isDestroyed = false;

  function free(): Connection | undefined {
    for (const connection of connections) {
      const { session, streams } = connection;
      if (session.closed || session.destroyed) continue;
      const allowed = session.remoteSettings?.maxConcurrentStreams ?? streamsPerConnection;
      if (streams < Math.max(1, Math.min(allowed, streamsPerConnection))) return connection;
    }
    return undefined;
  }

  function send({ request, handler }: Waiting, connection: Connection): void {
    connection.streams += 1;
    clearTimeout(connection.idleTimer);
    const exchange = new Http2Exchange(request, handler, {
      firstByteMs: limits.firstByteMs,
      onClose() {
        connection.streams -= 1;
        if (connection.streams === 0) rest(connection);
        sendWaiting();
      },
      // Nothing came back in all that time: the connection may be dead, so later requests take another one.
      onSilence: () => retire(connection),
    });
    exchange.start(connection.session);
  }

  function rest(connection: Connection): void {
    connection.idleTimer = setTimeout(() => retire(connection), idleMs);
    connection.idleTimer.unref();
  }

  /** Takes no more requests; those under way finish. */
  function retire(connection: Connection): void {
    clearTimeout(connection.idleTimer);
    connections.delete(connection);
    if (!connection.session.destroyed) connection.session.close();
  }

  function sendWaiting(): void {
    while (waiting.length > 0) {
      const connection = free();
      if (connection === undefined) return dialOnce();
      send(waiting.shift()!, connection);
    }
  }

  function dialOnce(): void {
    if (isDialling) return;
    isDialling = true;
    dial((error, socket) => {
      isDialling = false;
      const failure = error ?? (socket === null ? new Error('no connection') : refusedSocket(socket));
      if (failure !== undefined || isDestroyed) {
        socket?.destroy();
        return failWaiting(failure ?? new Error('closed'));
      }
      open(socket!);
      sendWaiting();
    });
  }

  function failWaiting(error: Error): void {
    for (const { handler } of waiting.splice(0)) handler.onResponseError(noControl, error);
  }

  function open(socket: Socket): void {
    const session = connect(origin, {
      createConnection: () => socket,
      settings: {
        enablePush: false,
        initialWindowSize: streamWindowBytes,
        maxHeaderListSize: limits.answerHeaderBytes,
      },
      maxHeaderListPairs: 512,
      maxSessionMemory: 64,
      peerMaxConcurrentStreams: streamsPerConnection,
    });
    const connection: Connection = { session, streams: 0, idleTimer: undefined };
    connections.add(connection);
    session.once('connect', () => session.setLocalWindowSize(connectionWindowBytes));
    session.on('goaway', () => retire(connection));
    session.on('close', () => retire(connection));
    // Each request under way hears of it by itself.
    session.on('error', () => retire(connection));
  }

  return {
    dispatch(request, handler) {
      const connection = free();
      if (connection !== undefined && waiting.length === 0) return send({ request, handler }, connection);
      waiting.push({ request, handler });
      sendWaiting();
    },
    async destroy() {
      isDestroyed = true;
      failWaiting(new Error('closed'));
      for (const connection of [...connections]) {
        retire(connection);
        connection.session.destroy();
      }
    },
  };
}

/** Before there is a stream there is nothing to steer. */
const noControl = { abort: () => undefined, pause: () => undefined, resume: () => undefined };

function refusedSocket(socket: Socket): Error | undefined {
  const { alpnProtocol } = socket as TLSSocket;
  if (alpnProtocol === undefined || alpnProtocol === 'h2') return undefined;
  return Object.assign(new Error('the upstream does not speak HTTP/2'), { code: 'ERR_HTTP2_NOT_SPOKEN' });
}
