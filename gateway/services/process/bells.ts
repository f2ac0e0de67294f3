import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Log } from '../../lib/index.ts';
import { type Account, listenAt } from '../../process/index.ts';

/** How many may wait for one service to wake; who comes then is refused, as by a program whose queue is full. */
const mostWaiting = 64;

type Bell = { path: string; server: Server | undefined; waiting: Set<Socket> };

export type Bells = ReturnType<typeof createBells>;

/**
 * Stands in for a service that sleeps at the socket that it offers to its owner's other services: who connects is kept, whoever listens to
 * `onRing` is told, and when its program answers there they are joined to it, not knowing that it slept. Only whom the service offers its socket to can
 * ring: it lies in the same folder, and belongs to the same account.
 */
export function createBells({ log }: { log: Log }) {
  const bells = new Map<string, Bell>();
  const listeners = new Set<(id: string) => void>();

  function keep(id: string, bell: Bell, caller: Socket): void {
    caller.on('error', () => caller.destroy());
    caller.on('close', () => bell.waiting.delete(caller));
    if (bell.waiting.size >= mostWaiting) return void caller.destroy();
    bell.waiting.add(caller);
    for (const listener of listeners) listener(id);
  }

  function takeDown(bell: Bell): void {
    bell.server?.close();
    bell.server = undefined;
    // Before a program listens there itself, which closing does only in a moment.
    rmSync(bell.path, { force: true });
  }

  return {
    onRing(listener: (id: string) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Begins to listen in place of a service that does not run. Asking twice is asking once. */
    async hang(id: string, path: string, account: Account | undefined): Promise<void> {
      if (bells.get(id)?.server !== undefined) return;
      const bell: Bell = bells.get(id) ?? { path, server: undefined, waiting: new Set() };
      const server = createServer({ pauseOnConnect: true }, (caller) => keep(id, bell, caller));
      bell.server = server;
      bells.set(id, bell);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      rmSync(path, { force: true });
      try {
        await listenAt(server, path);
        // Taken down while it was put up.
        if (bell.server !== server) return void server.close();
        chmodSync(path, 0o600);
        if (account !== undefined) chownSync(path, account.uid, account.gid);
      } catch (error) {
        bell.server = undefined;
        throw error;
      }
      server.on('error', (error) => log.warn({ err: error, service: id }, 'nobody can wake a service by its socket'));
    },
    /** Its program is about to listen there itself: who waits goes on waiting. */
    makeWay(id: string): void {
      const bell = bells.get(id);
      if (bell !== undefined) takeDown(bell);
    },
    /** Its program answers: who waited is joined to it. */
    join(id: string): void {
      const bell = bells.get(id);
      if (bell === undefined || bell.server !== undefined) return;
      bells.delete(id);
      for (const caller of bell.waiting) {
        const program = connect(bell.path);
        program.on('error', () => caller.destroy());
        program.on('close', () => caller.destroy());
        caller.on('close', () => program.destroy());
        program.on('connect', () => {
          caller.pipe(program).pipe(caller);
          caller.resume();
        });
      }
      bell.waiting.clear();
    },
    /** Nobody is to wake it any more, or it did not come up: who waits is told by the end of their connection. */
    drop(id: string): void {
      const bell = bells.get(id);
      if (bell === undefined) return;
      bells.delete(id);
      if (bell.server !== undefined) takeDown(bell);
      for (const caller of bell.waiting) caller.destroy();
    },
    close(): void {
      for (const id of [...bells.keys()]) this.drop(id);
    },
  };
}
