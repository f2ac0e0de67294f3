import { type FSWatcher, watch } from 'chokidar';
import type { Log } from '../lib/index.ts';

export type WatchOptions = {
  folder: string;
  log: Log;
  /** For network file systems, which do not tell of changes. */
  usePolling: boolean;
  onChange(): void;
};

const debounceMs = 200;
/** Something that never stops changing beside the rules must not keep them from being read. */
const longestWaitMs = 1000;
const pollMs = 500;

/**
 * Calls `onChange` when the folder has been quiet for 200 ms after a change; the caller compares contents. When the system
 * cannot watch (its limit of watches is reached), the folder is polled instead.
 */
export async function watchFolder({ folder, log, usePolling, onChange }: WatchOptions): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  let waitingSince: number | undefined;
  let isStopped = false;
  let current: FSWatcher | undefined;
  await start(usePolling);

  function noteChange(): void {
    if (isStopped) return;
    waitingSince ??= performance.now();
    clearTimeout(timer);
    const waited = performance.now() - waitingSince;
    timer = setTimeout(
      () => {
        waitingSince = undefined;
        onChange();
      },
      Math.min(debounceMs, Math.max(0, longestWaitMs - waited)),
    );
  }

  async function start(isPolling: boolean): Promise<void> {
    // Depth 0 sees files that editors replace by a rename as well as the swap of the link `..data` of a ConfigMap.
    const watcher = watch(folder, {
      ignoreInitial: true,
      depth: 0,
      usePolling: isPolling,
      interval: pollMs,
      atomic: false,
    });
    current = watcher;
    watcher.on('all', noteChange);
    await new Promise<void>((resolve) => {
      watcher.once('ready', () => resolve());
      watcher.on('error', (error) => {
        log.warn({ err: error, isPolling }, 'watching the policies folder failed');
        resolve();
        if (!isPolling && !isStopped) poll(watcher).catch(noteFailure);
      });
    });
  }

  async function poll(failed: FSWatcher): Promise<void> {
    if (current !== failed) return;
    current = undefined;
    await failed.close();
    if (isStopped) return;
    await start(true);
    noteChange();
  }

  function noteFailure(error: unknown): void {
    log.error({ err: error }, 'polling the policies folder failed; changes are seen at the next start only');
  }

  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await current?.close();
  };
}
