import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { coversHost, type HostPattern, KnotError, type Log } from '../../lib/index.ts';
import { type Destination, readAbsolute, readAuthority } from './destination.ts';
import { listenAt } from '../listen-at.ts';
import type { OutboundDial } from './dial.ts';
import { answerPlainly, passOn } from './pass-on.ts';

/** Whose program it is, and what it may reach. */
export type Asker = {
  /** For the log. */
  about: Readonly<Record<string, string>>;
  /** Hosts of the internet that were named for it. */
  hosts: readonly HostPattern[];
  /** Hosts that may be at an address inside. */
  internal: readonly HostPattern[];
  /** What the policies say of a host that is named. */
  mayReach(destination: Destination): Promise<boolean>;
};

export type Outbound = {
  /**
   * Serves one sandbox at a socket that only it sees. A host that it may not reach is told to `onRefused` once, in a sentence for its
   * owner. Resolves when it can be used; the returned function ends it with all that is open.
   */
  open(at: { socket: string; asker: Asker; onRefused?(sentence: string): void }): Promise<() => void>;
};

const mostConnections = 128;
/** Hosts that an owner is told of: who tries thousands is told no thousand times. */
const mostTold = 50;
/** A connection over which nothing comes and nothing goes. */
const idleMs = 15 * 60_000;

/**
 * The only way out of a sandbox: an HTTP proxy of the gateway's own, one for each. It connects to hosts that were named and that the policies do not refuse, and writes every name into the log.
 */
export function createOutbound({ dial, log }: { dial: OutboundDial; log: Log }): Outbound {
  async function reach({ hosts, internal, mayReach }: Asker, { host, port }: Destination): Promise<Socket> {
    const isInternal = coversHost(internal, host, port);
    if (!isInternal && !coversHost(hosts, host, port))
      throw new Refusal(`${host}:${port} is not among the hosts that can be reached from here.`);
    if (!(await mayReach({ host, port })))
      throw new Refusal(`The policies do not let this program reach ${host}:${port}.`);
    return dial(host, port, isInternal);
  }

  return {
    async open({ socket: path, asker, onRefused }) {
      const open = new Set<Socket>();
      const told = new Set<string>();
      const tellOnce = (sentence: string): void => {
        if (told.has(sentence) || told.size >= mostTold) return;
        told.add(sentence);
        onRefused?.(sentence);
      };
      const { about } = asker;

      /** The socket, or undefined when it was refused, which `answer` has said. */
      async function reached(
        destination: Destination,
        answer: (status: number, text: string) => void,
      ): Promise<Socket | undefined> {
        const { host, port } = destination;
        try {
          const socket = await reach(asker, destination);
          log.info({ ...about, host, port }, 'a program reached a host');
          open.add(socket);
          socket.once('close', () => open.delete(socket));
          socket.setTimeout(idleMs, () => socket.destroy());
          return socket;
        } catch (error) {
          const isRefused = error instanceof Refusal || error instanceof KnotError;
          const sentence = isRefused ? error.message : `${host}:${port} cannot be reached.`;
          log.info(
            { ...about, host, port, isRefused, ...(!isRefused && { err: error }) },
            'a program did not reach a host',
          );
          if (isRefused) tellOnce(sentence);
          answer(
            isRefused ? 403 : 502,
            `${sentence}${isRefused ? '' : ' The host or its name server does not answer.'}\n`,
          );
          return undefined;
        }
      }

      const server = createServer({ keepAliveTimeout: 5_000 });
      server.maxConnections = mostConnections;
      server.on('connection', (socket) => {
        open.add(socket);
        socket.once('close', () => open.delete(socket));
        socket.on('error', () => socket.destroy());
      });
      server.on('connect', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
        client.on('error', () => client.destroy());
        const destination = readAuthority(incoming.url ?? '');
        const answer = (status: number, text: string): void => void client.end(plainAnswer(status, text));
        if (destination === undefined) return answer(400, 'CONNECT names a host and a port.\n');
        void reached(destination, answer).then((socket) => {
          if (socket === undefined) return;
          if (client.destroyed) return void socket.destroy();
          client.setTimeout(idleMs, () => client.destroy());
          client.write('HTTP/1.1 200 Connection established\r\n\r\n');
          if (head.length > 0) socket.write(head);
          // Each way ends by itself; what is cut short cuts the other.
          pipeline(client, socket, (error) => error && client.destroy());
          pipeline(socket, client, (error) => error && socket.destroy());
        });
      });
      server.on('request', (incoming, response) => {
        const destination = readAbsolute(incoming.url ?? '');
        const answer = (status: number, text: string): void => answerPlainly(response, status, text);
        if (destination === undefined)
          return answer(400, 'This is a proxy: ask for a whole address, http://HOST/PATH.\n');
        void reached(destination, answer).then((socket) => socket && forward(incoming, response, destination, socket));
      });
      // Asked for by nobody but a program that tries what happens: the connection stays what it is.
      server.on('upgrade', (_incoming, client: Socket) =>
        client.end(plainAnswer(501, 'Use CONNECT for other protocols.\n')),
      );
      await listenAt(server, path);
      return () => {
        server.close();
        for (const socket of open) socket.destroy();
      };
    },
  };
}

class Refusal extends Error {}

function plainAnswer(status: number, text: string): string {
  const reason =
    { 400: 'Bad Request', 403: 'Forbidden', 501: 'Not Implemented', 502: 'Bad Gateway' }[status] ?? 'Error';
  const fields = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close`;
  return `HTTP/1.1 ${status} ${reason}\r\n${fields}\r\n\r\n${text}`;
}

/** Sends a request on over the socket that was opened for it, which is used once. */
function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  { host, port, path }: Destination & { path: string },
  socket: Socket,
): void {
  const name = host.includes(':') ? `[${host}]` : host;
  passOn(incoming, response, {
    path,
    host: port === 80 ? name : `${name}:${port}`,
    connection: { createConnection: () => socket },
    unanswered: `${host} ended the connection without an answer.\n`,
  });
}
