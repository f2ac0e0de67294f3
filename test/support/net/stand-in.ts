import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

/** A request as a tool got it; names in lower case, a repeated field keeps every value. */
export type Heard = { host: string; url: string; headers: Map<string, string[]> };

export type StandIn = {
  url: string;
  /** What it was asked with `contract=` or `code=` in the address: what Knot asks it by itself is none of it. */
  heard: Heard[];
  close(): void;
};

/**
 * What is behind a gateway as far as the gateway sees of it: HTTP/1.1 and, with prior knowledge, HTTP/2 on one port. By the address it is
 * asked for it answers (`contract=page`), sets the cookies that `set` names, begins a stream of events that never ends (`contract=stream`, with `ends` it does),
 * or takes a WebSocket. `failing`: it answers 500, with these words. `says`: what it answers at a path, and 404 at all others.
 */
export async function startStandIn({
  failing,
  says,
}: { failing?: string; says?: Readonly<Record<string, object>> } = {}): Promise<StandIn> {
  const heard: Heard[] = [];
  const sockets = new Set<Socket>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = note(heard, request);
    if (failing !== undefined) return void response.writeHead(500).end(failing);
    if (says !== undefined) {
      const said = says[request.url!];
      response.writeHead(said === undefined ? 404 : 200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify(said ?? {}));
    }
    const cookies = asked?.getAll('set') ?? [];
    if (cookies.length > 0) response.setHeader('set-cookie', cookies);
    if (asked?.get('contract') !== 'stream') return void response.end('ok');
    response.setHeader('content-type', 'text/event-stream');
    response.write('data: begun\n\n');
    if (asked.has('ends')) response.end('data: ended\n\n');
  };
  const http1 = createServer(listener);
  http1.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    note(heard, request);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request)}\r\n\r\n`,
    );
  });
  const http2 = createHttp2Server(listener as never) as unknown as Server;
  const front = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.unshift(chunk);
      // RFC 9113 section 3.4.
      (chunk.toString('latin1').startsWith('PRI * HTTP/2.0') ? http2 : http1).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    heard,
    close() {
      front.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** RFC 6455 section 4.2.2. */
const acceptOf = ({ headers }: IncomingMessage): string =>
  createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

function note(heard: Heard[], { url = '', rawHeaders }: IncomingMessage): URLSearchParams | undefined {
  const asked = new URL(url, 'http://tool').searchParams;
  if (!asked.has('contract') && !asked.has('code')) return undefined;
  const headers = new Map<string, string[]>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[index + 1]!]);
  }
  const host = headers.get(':authority')?.[0] ?? headers.get('host')?.[0] ?? '';
  heard.push({ host, url, headers });
  return asked;
}
