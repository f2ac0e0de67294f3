import type { ChildProcess } from 'node:child_process';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type End, listen } from './relay-end.ts';
import type { RelayOrder } from './relay-inside.ts';

/**
 * Ways between the network of this process and that of a node. Both see the same files, so each way is a TCP port on one side, a
 * Unix socket in the middle and a connection on the other side.
 */
export type Relays = {
  /** A port of this machine's 127.0.0.1, `at` or a free one, that leads to `host:port` inside: by default to the same port of 127.0.0.1. */
  inward(to?: { host?: string; port?: number; at?: number }): Promise<number>;
  /** Makes `host:port` inside lead to a port of this machine's 127.0.0.1. */
  outward(from: { host: string; port: number }, port: number): Promise<void>;
  close(): void;
};

/** `end` runs relay-inside.ts in the namespaces; `folder` is for the sockets. */
export function makeRelays(end: ChildProcess, folder: string): Relays {
  const servers: Server[] = [];
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  createInterface({ input: end.stdout! }).on('line', (line) => {
    const { id, error } = JSON.parse(line) as { id: number; error?: string };
    if (error === undefined) waiting.get(id)?.resolve();
    else waiting.get(id)?.reject(new Error(error));
  });
  end.on('exit', () => {
    for (const each of waiting.values()) each.reject(new Error('the end of the relays has ended'));
  });
  end.stdin!.on('error', () => undefined);

  let made = 0;
  const newSocket = (): { id: number; path: string } => {
    made += 1;
    return { id: made, path: join(folder, `relay-${made}`) };
  };
  async function inside(id: number, from: End, to: End): Promise<void> {
    const done = Promise.withResolvers<void>();
    waiting.set(id, done);
    end.stdin!.write(`${JSON.stringify({ id, from, to } satisfies RelayOrder)}\n`);
    await done.promise;
  }

  return {
    async inward({ host = '127.0.0.1', port, at = 0 } = {}) {
      const { id, path } = newSocket();
      const server = await listen({ host: '127.0.0.1', port: at }, { path });
      servers.push(server.unref());
      const { port: free } = server.address() as AddressInfo;
      await inside(id, { path }, { host, port: port ?? free });
      return free;
    },
    async outward(from, port) {
      const { id, path } = newSocket();
      servers.push((await listen({ path }, { host: '127.0.0.1', port })).unref());
      await inside(id, from, { path });
    },
    close() {
      for (const server of servers) server.close();
      end.stdin!.end();
    },
  };
}
