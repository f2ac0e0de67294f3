import type { Server } from 'node:net';

/** Listens at a Unix socket; resolves when it can be connected to. */
export function listenAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays: a connection that cannot be accepted later must not end the gateway.
    server.on('error', reject);
    server.listen(path, () => resolve());
  });
}
