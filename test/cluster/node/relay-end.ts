import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export type End = { path: string } | { host: string; port: number };

/** Whoever connects to `from` talks to `to`, in both directions until each has said its last. */
export async function listen(from: End, to: End): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => join(client, to)).listen(from);
  await once(server, 'listening');
  return server;
}

function join(client: Socket, to: End): void {
  const server = connect({ ...to, allowHalfOpen: true });
  client.pipe(server).pipe(client);
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    socket.on('error', () => other.destroy());
    // One that was cut; one that has ended leaves the other to write what it still holds.
    socket.on('close', () => socket.readableEnded || other.destroy());
  }
}
