import type { Log } from '../lib/index.ts';

/** What was opened so far, to be closed in reverse order: at the end, or when a later step fails. */
export type Opened = {
  /** Notes how a part is closed; gives the part back. */
  closing<T>(part: T, close: (part: T) => unknown): T;
  /** Closes everything, the newest first. One that fails is told in the log and keeps no other one open. */
  close(): Promise<void>;
};

export function createOpened(log: Log): Opened {
  const closers: (() => unknown)[] = [];
  return {
    closing(part, close) {
      closers.push(() => close(part));
      return part;
    },
    async close() {
      for (const close of closers.splice(0).reverse()) {
        try {
          await close();
        } catch (error) {
          log.error({ err: error }, 'a part did not stop cleanly');
        }
      }
    },
  };
}
