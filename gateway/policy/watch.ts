import { watch } from 'chokidar';
import type { Log } from '../lib/index.ts';

export type WatchOptions = {
  folder: string;
  log: Log;
  /** For network file systems, which do not tell of changes. */
  usePolling: boolean;
  onChange(): void;
};

const debounceMs = 200;
const pollMs = 500;

/** Calls `onChange` when the folder has been quiet for 200 ms after a change. The caller compares contents. */
export async function watchFolder({ folder, log, usePolling, onChange }: WatchOptions): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  // Files are followed by the name in the folder: editors replace them, and a ConfigMap swaps the link `..data`.
  const watcher = watch(folder, { ignoreInitial: true, depth: 0, usePolling, interval: pollMs, atomic: false });
  watcher.on('all', () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, debounceMs);
  });
  watcher.on('error', (error) => log.error({ err: error }, 'watching the policies folder failed'));
  await new Promise<void>((resolve) => {
    watcher.once('ready', () => resolve());
    watcher.once('error', () => resolve());
  });
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}
