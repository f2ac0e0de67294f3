import type { Log } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import { type Area, keyOf } from '../walk/areas.ts';
import type { Path } from '../walk/names.ts';
import { folderKey, pathsKey } from './folder-key.ts';

/** Tells every gateway on the store what acts have changed. */
export type Telling = {
  /** What lies in these folders, and what the area uses. */
  folders(area: Area, ...paths: Path[]): void;
  /** What lies at many paths of an area: a folder was moved or deleted. */
  paths(area: Area): void;
  /** Only what the area uses. */
  usage(area: Area): void;
  close(): Promise<void>;
};

/** Acts that follow each other are told together. */
const gatherMs = 100;

/**
 * Acts tell after they are done and wait for nobody: should the telling fail, the disk still tells this machine (`folders.ts`), and what
 * an act has changed does not depend on it.
 */
export function createTelling({ store, log }: { store: Pick<Store, 'transaction'>; log: Log }): Telling {
  let gathered = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let told: Promise<void> = Promise.resolve();
  let isClosed = false;

  function note(keys: readonly string[]): void {
    if (isClosed) return;
    for (const key of keys) gathered.add(key);
    timer ??= setTimeout(() => {
      timer = undefined;
      const all = [...gathered];
      gathered = new Set();
      told = store
        .transaction(async ({ announce }) => {
          for (const key of all) announce({ topic: 'files', key });
        })
        .catch((error: unknown) => log.warn({ err: error }, 'other gateways were not told what changed in files'));
    }, gatherMs).unref();
  }

  return {
    folders: (area, ...paths) => note(paths.map((path) => folderKey(area, path))),
    paths: (area) => note([pathsKey(area)]),
    usage: (area) => note([keyOf(area)]),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await told;
    },
  };
}
