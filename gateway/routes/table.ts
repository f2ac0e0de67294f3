import { createSlices, type Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { pageOfRows, readRoute, rowsOf, type RouteRow } from './records.ts';
import type { Route } from './route.ts';

/** What became of a host; undefined where no route was, or is. */
export type RouteChange = { host: string; before: Route | undefined; after: Route | undefined };

export type RouteTable = {
  find(host: string): Route | undefined;
  /** By host. */
  list(): readonly Route[];
  onChange(listener: (changes: readonly RouteChange[]) => void): () => void;
  /** Resolves when the table holds what was stored at these hosts before the call. */
  read(hosts: readonly string[]): Promise<void>;
  /** Nothing is read any more: what other processes change is not heard, and what failed is not tried again. */
  close(): void;
};

/** `route` is undefined for one that this version cannot read: its host answers 404. */
type Known = { record: string; route: Route | undefined };

const retryMs = 1000;

/**
 * The stored routes in memory, kept fresh by the change feed: what is told of one host reads that host. A route that did not change
 * stays the same object, so that what others computed from it stays valid.
 */
export async function followRoutes({ store, log }: { store: Store; log: Log }): Promise<RouteTable> {
  const listeners = new Set<(changes: readonly RouteChange[]) => void>();
  const byHost = new Map<string, Known>();
  let sorted: readonly Route[] | undefined;
  let stale = new Set<string>();
  let reading: Promise<void> | undefined;
  const retries = new Set<NodeJS.Timeout>();
  let isClosed = false;

  function apply(hosts: Iterable<string>, rows: readonly RouteRow[]): void {
    const stored = new Map(rows.map((row) => [row.host, row]));
    const changes: RouteChange[] = [];
    for (const host of hosts) {
      const row = stored.get(host);
      const known = byHost.get(host);
      if (known?.record === row?.record) continue;
      const [before, after] = [known?.route, row && readRoute(row, log)];
      if (row) byHost.set(host, { record: row.record, route: after });
      else byHost.delete(host);
      if (before !== undefined || after !== undefined) changes.push({ host, before, after });
    }
    if (changes.length === 0) return;
    sorted = undefined;
    for (const listener of listeners) {
      try {
        listener(changes);
      } catch (error) {
        log.error({ err: error }, 'a listener to route changes failed');
      }
    }
  }

  /** One reading at a time; what is told of meanwhile is read by the same one. */
  async function readStale(): Promise<void> {
    if (stale.size === 0) return reading;
    reading ??= (async () => {
      // Changes that were told together are read together.
      await Promise.resolve();
      try {
        while (stale.size > 0) {
          const hosts = stale;
          stale = new Set();
          try {
            apply(hosts, await rowsOf(store, [...hosts]));
          } catch (error) {
            stale = new Set([...hosts, ...stale]);
            throw error;
          }
        }
      } finally {
        reading = undefined;
      }
    })();
    return reading;
  }

  function readUntilDone(read: () => Promise<void>): void {
    read().catch((error: unknown) => {
      if (isClosed) return;
      log.error({ err: error }, 'reading the routes failed; trying again');
      const timer = setTimeout(() => {
        retries.delete(timer);
        readUntilDone(read);
      }, retryMs).unref();
      retries.add(timer);
    });
  }

  /** Page by page, with requests served in between; what is not found any more is looked at once more by its host. */
  async function readAll(): Promise<void> {
    const between = createSlices();
    const gone = new Set(byHost.keys());
    for (let after = ''; ;) {
      const rows = await pageOfRows(store, after);
      const hosts = rows.map(({ host }) => host);
      for (const host of hosts) gone.delete(host);
      apply(hosts, rows);
      const last = hosts.at(-1);
      if (last === undefined) break;
      after = last;
      await between();
    }
    for (const host of gone) stale.add(host);
    await readStale();
  }

  // Heard before it is read, so that nothing is told in between.
  const stops = [
    store.onChange('routes', (host) => {
      stale.add(host);
      readUntilDone(readStale);
    }),
    store.onGap(() => readUntilDone(readAll)),
  ];
  await readAll();

  return {
    find: (host) => byHost.get(host)?.route,
    list: () =>
      (sorted ??= Object.freeze(
        [...byHost.values()]
          .flatMap(({ route }) => route ?? [])
          .sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)),
      )),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      isClosed = true;
      for (const stop of stops) stop();
      for (const timer of retries) clearTimeout(timer);
    },
    read(hosts) {
      for (const host of hosts) stale.add(host);
      return readStale();
    },
  };
}
