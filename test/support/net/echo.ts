import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** A small web application: answers with what it received, echoes WebSocket messages, streams events for ever at `/events`. */
export type Echo = {
  port: number;
  address: string;
  received: { method: string; url: string; headers: IncomingMessage['headers'] }[];
  /** Open now, idle ones among them. */
  connections(): Promise<number>;
  close(): Promise<void>;
};

export async function startEcho(): Promise<Echo> {
  const received: Echo['received'] = [];
  const server = createServer((request, response) => {
    received.push({ method: request.method!, url: request.url!, headers: request.headers });
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: tick\n\n'), 50);
      response.on('close', () => clearInterval(timer));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer, { binary: false })));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    address: `http://127.0.0.1:${port}`,
    received,
    connections: () =>
      new Promise((done, failed) => server.getConnections((error, count) => (error ? failed(error) : done(count)))),
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
