import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import type { AddressInfo } from 'node:net';

/** A line that can be slow and can break: an HTTP proxy for CONNECT (RFC 9110 section 9.3.6) that a browser is told to use. */
export type CuttingProxy = {
  address: string;
  /** Bytes that went to the other side, headers and what TLS adds included. */
  sent(): number;
  /** Breaks every connection, when so many more bytes have gone to the other side. */
  cutAfter(bytes: number): void;
  /** How often connections that carried something were broken. */
  cuts(): number;
  /** Bytes a second to the other side, all connections together; undefined as fast as it goes. */
  limit(bytesPerSecond: number | undefined): void;
  close(): Promise<void>;
};

export async function startCuttingProxy(): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let sent = 0;
  let cuts = 0;
  let mark = Number.POSITIVE_INFINITY;
  let perSecond: number | undefined;
  let freeAt = 0;

  function cutAll(): void {
    mark = Number.POSITIVE_INFINITY;
    cuts += 1;
    for (const socket of sockets) socket.resetAndDestroy();
  }

  const counted = () =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += chunk.length;
        if (sent >= mark) return cutAll();
        const now = performance.now();
        const wait = perSecond === undefined ? 0 : Math.max(0, freeAt - now);
        if (perSecond !== undefined) freeAt = Math.max(now, freeAt) + (chunk.length / perSecond) * 1000;
        if (wait < 5) done(null, chunk);
        else setTimeout(() => done(null, chunk), wait);
      },
    });

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };

  const server = createServer((client) => {
    keep(client);
    client.once('data', (head) => {
      const port = /^CONNECT [^ ]*:(\d+) /.exec(head.toString('latin1'))?.[1];
      if (port === undefined) return void client.destroy();
      const upstream = connect(Number(port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        pipeline(client, counted(), upstream, () => undefined);
        pipeline(upstream, client, () => undefined);
      });
      keep(upstream);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => sent,
    cutAfter: (bytes) => void (mark = sent + bytes),
    cuts: () => cuts,
    limit: (bytesPerSecond) => void (perSecond = bytesPerSecond),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
