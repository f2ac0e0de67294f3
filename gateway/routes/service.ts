import { type Clock, type Log, knotError, type Resource } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { findTaken, readRoutes, writeRoutes } from './records.ts';
import { resourceAt } from './resource.ts';
import { normalRoute, type Route } from './route.ts';

export type Routes = {
  /** The route of an exact host, or undefined (404). Synchronous: a map in memory, kept fresh by the change feed. */
  find(host: string): Route | undefined;
  list(): readonly Route[];
  /**
   * What a request on this route asks for: the integration or app itself, or a person's own part of it. `decodedPath` is
   * decoded once and has no query. Never fails: what is ambiguous belongs to nobody.
   */
  resourceAt(route: Route, decodedPath: string): Resource;
  /**
   * Replaces all routes of a kind by these, in one transaction; unchanged ones are not touched.
   * @throws KNOT_ROUTES_HOST_TAKEN, KNOT_ROUTES_INVALID, KNOT_ROUTES_UPSTREAM_INVALID
   */
  replace(kind: Route['kind'], routes: readonly Route[]): Promise<void>;
  onChange(listener: () => void): () => void;
};

const retryMs = 1000;

export async function createRoutes({ store, clock, log }: { store: Store; clock: Clock; log: Log }): Promise<Routes> {
  const listeners = new Set<() => void>();
  let byHost = new Map<string, Route>();
  let list: readonly Route[] = [];
  let pending: Promise<void> | undefined;
  let isStale = false;

  async function load(): Promise<void> {
    const routes = await readRoutes(store, log);
    const next = new Map<string, Route>();
    let isDifferent = routes.length !== byHost.size;
    for (const route of routes) {
      const known = byHost.get(route.host);
      const isSame = known !== undefined && JSON.stringify(known) === JSON.stringify(route);
      isDifferent ||= !isSame;
      // An unchanged route stays the same object, so that what others computed from it stays valid.
      next.set(route.host, isSame ? known : route);
    }
    if (!isDifferent) return;
    byHost = next;
    list = Object.freeze([...next.values()]);
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        log.error({ err: error }, 'a listener to route changes failed');
      }
    }
  }

  /** One read at a time; a change during a read causes another one. Resolves when the map holds what was stored before the call. */
  function refresh(): Promise<void> {
    isStale = true;
    pending ??= (async () => {
      try {
        while (isStale) {
          isStale = false;
          await load();
        }
      } finally {
        pending = undefined;
      }
    })();
    return pending;
  }

  function refreshUntilDone(): void {
    refresh().catch((error: unknown) => {
      log.error({ err: error }, 'reading the routes failed; trying again');
      setTimeout(refreshUntilDone, retryMs).unref();
    });
  }

  await refresh();
  store.onChange('routes', refreshUntilDone);

  return {
    find: (host) => byHost.get(host),
    list: () => list,
    resourceAt,
    async replace(kind, routes) {
      const wanted = routes.map(normalRoute);
      checkOwnClashes(kind, wanted);
      await store.transaction(async (transaction) => {
        const hosts = wanted.map((route) => route.host);
        const names = wanted.map((route) => route.name);
        const taken = await findTaken(transaction, kind, hosts, names);
        if (taken) {
          const route = wanted.find((candidate) => candidate.host === taken.host || candidate.name === taken.name);
          throw hostTaken(taken.host, `${taken.kind} "${taken.name}"`, `${kind} "${route?.name ?? taken.name}"`);
        }
        for (const host of await writeRoutes(transaction, kind, wanted, clock.now())) {
          transaction.announce({ topic: 'routes', key: host });
        }
      });
      await refresh();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function checkOwnClashes(kind: Route['kind'], routes: readonly Route[]): void {
  const seen = new Map<string, Route>();
  for (const route of routes) {
    if (route.kind !== kind) {
      throw knotError('KNOT_ROUTES_INVALID', 400, `The route "${route.name}" is of kind ${route.kind}, not ${kind}.`);
    }
    for (const key of [`host ${route.host}`, `name ${route.name}`]) {
      const other = seen.get(key);
      if (other) throw hostTaken(route.host, `${kind} "${other.title}"`, `${kind} "${route.title}"`);
      seen.set(key, route);
    }
  }
}

function hostTaken(host: string, holder: string, newcomer: string) {
  return knotError(
    'KNOT_ROUTES_HOST_TAKEN',
    409,
    `The host ${host} belongs to the ${holder}; the ${newcomer} cannot have it too.`,
    {
      remedy: 'Give one of the two another name in knot.yaml.',
      details: { host, holder, newcomer },
    },
  );
}
