import { type Clock, type Log, knotError, type Resource } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { deleteRoute, findInTheWay, findTaken, moveRoute, type Taken, writeRoute, writeRoutes } from './records.ts';
import { resourceAt } from './resource.ts';
import { normalRoute, type Route } from './route.ts';
import { followRoutes, type RouteTable } from './table.ts';

/** In force in every process on the store within a second; in this one when the promise resolves. */
export type Routes = {
  /** The route of an exact host, or undefined (404). Synchronous: a map in memory, kept fresh by the change feed. */
  find(host: string): Route | undefined;
  /** All, by host. */
  list(): readonly Route[];
  /**
   * What a request on this route asks for: the integration or app itself, or a person's own part of it. `decodedPath` is
   * decoded once and has no query, which is as it was received (`?…`). Never fails: what is ambiguous belongs to nobody.
   */
  resourceAt(route: Route, decodedPath: string, query?: string): Resource;
  /**
   * Puts one route at its host, in place of the one of the same kind that is there; costs the same however many others there are.
   * @throws KNOT_ROUTES_HOST_TAKEN, KNOT_ROUTES_INVALID, KNOT_ROUTES_UPSTREAM_INVALID
   */
  put(route: Route): Promise<void>;
  /** Takes the route of a host away; false when there was none. */
  remove(host: string): Promise<boolean>;
  /**
   * Replaces all routes of a kind by these, in one transaction; unchanged ones are not touched.
   * @throws KNOT_ROUTES_HOST_TAKEN, KNOT_ROUTES_INVALID, KNOT_ROUTES_UPSTREAM_INVALID
   */
  replace(kind: Route['kind'], routes: readonly Route[]): Promise<void>;
  /**
   * Takes each route of a kind to the host that its name has now, in one transaction; those that are there already are not touched. An
   * installation may be given other names between two starts.
   */
  move(kind: Route['kind'], hostOf: (name: string) => string): Promise<void>;
  /** Hears of the hosts whose route is another one now, and of no others. */
  onChange: RouteTable['onChange'];
  close(): void;
};

export async function createRoutes({ store, clock, log }: { store: Store; clock: Clock; log: Log }): Promise<Routes> {
  const table = await followRoutes({ store, log });

  return {
    find: table.find,
    list: table.list,
    resourceAt,
    async put(route) {
      const wanted = normalRoute(route);
      const { host } = wanted;
      await store.transaction(async (transaction) => {
        const taken = await findInTheWay(transaction, wanted);
        if (taken) throw takenBy(taken, wanted.kind, wanted.name);
        if (await writeRoute(transaction, wanted, clock.now())) transaction.announce({ topic: 'routes', key: host });
      });
      await table.read([host]);
    },
    async remove(host) {
      const wasThere = await store.transaction(async (transaction) => {
        const isGone = await deleteRoute(transaction, host);
        if (isGone) transaction.announce({ topic: 'routes', key: host });
        return isGone;
      });
      await table.read([host]);
      return wasThere;
    },
    async replace(kind, routes) {
      const wanted = routes.map(normalRoute);
      checkOwnClashes(kind, wanted);
      const changed = await store.transaction(async (transaction) => {
        const taken = await findTaken(transaction, kind, wanted);
        if (taken) {
          const route = wanted.find((candidate) => candidate.host === taken.host || candidate.name === taken.name);
          throw takenBy(taken, kind, route?.name ?? taken.name);
        }
        const hosts = await writeRoutes(transaction, kind, wanted, clock.now());
        for (const host of hosts) transaction.announce({ topic: 'routes', key: host });
        return hosts;
      });
      await table.read(changed);
    },
    async move(kind, hostOf) {
      const astray = table.list().filter((route) => route.kind === kind && route.host !== hostOf(route.name));
      if (astray.length === 0) return;
      const moved = astray.map((route) => ({
        from: route.host,
        to: normalRoute({ ...route, host: hostOf(route.name) }),
      }));
      const hosts = moved.flatMap(({ from, to }) => [from, to.host]);
      await store.transaction(async (transaction) => {
        for (const { from, to } of moved) await moveRoute(transaction, from, to);
        for (const host of hosts) transaction.announce({ topic: 'routes', key: host });
      });
      await table.read(hosts);
    },
    onChange: table.onChange,
    close: table.close,
  };
}

function takenBy(taken: Taken, kind: Route['kind'], name: string) {
  return hostTaken(taken.host, `${wordOf(taken.kind)} "${taken.name}"`, `${wordOf(kind)} "${name}"`);
}

/** As people say it. */
const wordOf = (kind: string): string => (kind === 'discovered' ? 'address in the cluster' : kind);

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
