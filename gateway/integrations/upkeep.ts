import { type ComponentHealth, createKeyedQueue, KnotError, type Log } from '../lib/index.ts';
import type { Integration } from './integration.ts';

/** The setting up of a tool that runs elsewhere, and what came of it last. */
export type Upkeep = Pick<Integration, 'health' | 'onChange'> & { start(): void; stop(): Promise<void> };

/**
 * Sets a tool up from `start` on: after a failure again and again, each time later, and after a success in `againMs`. Part `name` of the
 * health says what is not as it should be: what `setUp` says, or why it failed.
 */
export function createUpkeep(options: {
  name: string;
  title: string;
  /** What to do where nothing better is known. */
  remedy?: string;
  setUp(): Promise<{ againMs: number; health?: ComponentHealth | undefined }>;
  log: Log;
}): Upkeep {
  const { name, title, setUp, log } = options;
  const listeners = new Set<() => void>();
  let health: ComponentHealth | undefined;

  function become(next: ComponentHealth | undefined): void {
    const isChanged = next?.status !== health?.status || next?.message !== health?.message;
    health = next;
    if (isChanged) for (const listener of listeners) listener();
  }

  function failure(error: unknown): ComponentHealth {
    const known = error instanceof KnotError ? error : undefined;
    const remedy = known?.remedy ?? options.remedy;
    const message = known?.message ?? `${title} could not be set up.`;
    return { name, title, status: 'failed', message, ...(remedy !== undefined && { remedy }) };
  }

  const queue = createKeyedQueue({
    async work() {
      try {
        const { againMs, health } = await setUp();
        become(health);
        return againMs;
      } catch (error) {
        become(failure(error));
        throw error;
      }
    },
    ...{ log, complaint: `${title} could not be set up`, pauses: { firstMs: 5_000, mostMs: 10 * 60_000 } },
  });

  return {
    start: () => queue.add(name),
    stop: queue.stop,
    health: () => (health ? [health] : []),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
