import { createHash } from 'node:crypto';
import type { Kube } from '../kube/index.ts';
import { type AuditEntry, type Clock, createKeyedQueue, KnotError, type Log } from '../lib/index.ts';
import { nowhere, type Route, type Routes, type Upstream } from '../routes/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import type { Address } from './address.ts';
import { type Addresses, createAddresses } from './addresses.ts';
import * as records from './records.ts';
import { targetOf } from './targets.ts';
import { createView, type View } from './view.ts';
import { type Asked, type Granted, wantedOf } from './wanted.ts';

export type Discovery = Addresses & {
  /** Until then nothing is looked at. */
  start(): void;
  /** Looks at nothing any more until it is started again; resolves when nothing is under way. */
  rest(): Promise<void>;
  close(): Promise<void>;
};

export type DiscoveryOptions = {
  kube: Kube;
  store: Store;
  routes: Pick<Routes, 'find' | 'list' | 'put' | 'remove' | 'onChange'>;
  places: {
    /** Whose a namespace is by Knot's own record, and which one that is; undefined of one where nothing may be reached now. */
    ownerIn(namespace: string): Promise<{ owner: Address['owner']; namespaceUid: string } | undefined>;
    namespaceOf(ownerId: string): Promise<string | undefined>;
  };
  /** Whether something that was launched here has that label. */
  isLaunched(label: string): Promise<boolean>;
  hostOfService(label: string): string;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  /** Whether this replica is the one that writes. */
  leads: () => boolean;
  clock: Clock;
  log: Log;
};

const sweepMs = 60_000;
/** Looks at once: nobody's namespace holds up those of others for long. */
const atOnce = 8;

/**
 * Makes routes of what people make reachable in their namespaces by hand, one namespace at a time, from whatever is found: on every
 * change and again and again.
 */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { kube, store, routes, places, isLaunched, hostOfService, record, leads, clock, log } = options;
  const queue = createKeyedQueue({
    work: look,
    ...{ log, atOnce, complaint: 'addresses in a namespace could not be looked at' },
    pauses: { firstMs: 1000, mostMs: sweepMs },
    resync: { ms: sweepMs, keys: () => (view === undefined ? [] : concerned(view)) },
  });
  let view: View | undefined;
  /** Namespaces in which an address is or was asked for: a change in any other is nothing. */
  const followed = new Set<string>();
  /** Hosts that somebody else has, and who waits for them. */
  const contested = new Map<string, string>();
  const stops = [
    store.onChange('places', (ownerId) => {
      if (view === undefined) return;
      places.namespaceOf(ownerId).then(
        (namespace) => namespace !== undefined && queue.add(namespace),
        (error: unknown) => log.error({ err: error }, complaint),
      );
    }),
    store.onGap(() => void sweep()),
    routes.onChange((changes) => {
      for (const { host, after } of changes) {
        const namespace = after === undefined ? contested.get(host) : undefined;
        if (namespace !== undefined) queue.add(namespace);
      }
    }),
  ];

  /** Wherever an address is asked for, or was. */
  async function concerned(of: View): Promise<Set<string>> {
    const known = (await records.allAddresses(store.db)).map(({ namespace }) => namespace);
    return new Set([...of.namespaces(), ...known]);
  }

  async function sweep(): Promise<void> {
    try {
      if (view !== undefined) for (const namespace of await concerned(view)) queue.add(namespace);
    } catch (error) {
      log.error({ err: error }, complaint);
    }
  }

  async function begin(of: View): Promise<void> {
    await of.ready;
    // A route without a record was left by a gateway that ended between the two.
    const known = new Set((await records.allAddresses(store.db)).map(({ host }) => host));
    for (const { kind, host } of routes.list()) if (kind === 'discovered' && !known.has(host)) await withdraw(host);
    if (of === view) await sweep();
  }

  function changed(namespace: string): void {
    if (view === undefined) return;
    if (followed.has(namespace) || !isEmpty(view.entriesIn(namespace))) queue.add(namespace);
  }

  async function look(namespace: string): Promise<void> {
    const now = view;
    if (now === undefined || !leads()) return;
    try {
      await lookIn(now, namespace);
    } catch (error) {
      // What it waited for was closed.
      if (view === now) throw error;
    }
  }

  async function lookIn(now: View, namespace: string): Promise<void> {
    await now.ready;
    const before = await records.addressesIn(store.db, namespace);
    const entries = [...now.entriesIn(namespace)];
    if (entries.length === 0 && before.length === 0) return void followed.delete(namespace);
    followed.add(namespace);
    const place = await places.ownerIn(namespace);
    // One of the same name that somebody else made since is not that of the record.
    const isTheirs = place !== undefined && now.uidOf(namespace) === place.namespaceUid;
    const found = isTheirs ? await settle(now, namespace, entries, place.owner) : [];
    if (view !== now) return;
    const open = new Set(found.filter(({ state }) => state !== 'refused').map(({ host }) => host));
    for (const { host, state } of before)
      if (state !== 'refused' && host !== undefined && !open.has(host)) await withdraw(host);
    for (const [host, waits] of contested)
      if (waits === namespace && !found.some((one) => one.host === host)) contested.delete(host);
    await note(before, found);
    if (found.length === 0) followed.delete(namespace);
  }

  /** Puts the routes of a namespace where they lead now, and says of each address how it is. */
  async function settle(
    now: View,
    namespace: string,
    entries: Parameters<typeof wantedOf>[0],
    owner: Address['owner'],
  ): Promise<Address[]> {
    const { granted, refused } = wantedOf(entries, { owner: owner.name, hostOfService });
    const said = (asked: Asked, state: Address['state'], reason?: string, name?: string): Address => ({
      ...{ id: idOf(namespace, asked), owner, namespace, object: asked.object, host: asked.host },
      ...{ name, state, reason, since: clock.now() },
    });
    const found = refused.map((asked) => said(asked, 'refused', asked.reason));
    if (granted.length === 0) return found;
    const targets = await now.targetsIn(namespace);
    for (const asked of granted) {
      const { name, label, host } = asked;
      const known = routes.find(host);
      const target = targetOf(asked.backend, targets, known?.kind === 'discovered' ? known.upstream : undefined);
      const problem = 'refused' in target ? target.refused : await inTheWay(label, host);
      if (problem !== undefined) {
        found.push(said(asked, 'refused', problem, name));
        continue;
      }
      const upstream = 'upstream' in target ? target.upstream : nowhere;
      const taken = await put(routeOf(asked, owner, upstream), known);
      if (taken) contested.set(host, namespace);
      const waits = 'waitsFor' in target ? target.waitsFor : undefined;
      if (taken) found.push(said(asked, 'refused', isTaken, name));
      else found.push(said(asked, waits === undefined ? 'open' : 'waiting', waits, name));
    }
    return found;
  }

  /** A service that was launched has its address from when it is wanted on, also before it is anywhere. */
  async function inTheWay(label: string, host: string): Promise<string | undefined> {
    const known = routes.find(host);
    if ((known === undefined || known.kind === 'discovered') && !(await isLaunched(label))) return undefined;
    return isTaken;
  }

  /** Whether the host is somebody else's. */
  async function put(route: Route, known: Route | undefined): Promise<boolean> {
    if (known && isSame(known, route)) return false;
    try {
      await routes.put(route);
      return false;
    } catch (error) {
      if (error instanceof KnotError && error.code === 'KNOT_ROUTES_HOST_TAKEN') return true;
      throw error;
    }
  }

  async function withdraw(host: string): Promise<void> {
    if (routes.find(host)?.kind === 'discovered') await routes.remove(host);
  }

  /** Writes what became of the addresses of a namespace, where that is another thing than before. */
  async function note(before: readonly Address[], found: readonly Address[]): Promise<void> {
    const known = new Map(before.map((address) => [address.id, address]));
    const changed = found.filter((address) => !isSaid(known.get(address.id), address));
    const there = new Set(found.map(({ id }) => id));
    const gone = before.filter(({ id }) => !there.has(id));
    if (changed.length === 0 && gone.length === 0) return;
    await store.transaction(async (transaction) => {
      for (const { id } of gone) await records.deleteAddress(transaction.db, id);
      for (const address of changed) await records.writeAddress(transaction.db, address);
      for (const address of changed)
        if (isOpen(address) && !isOpen(known.get(address.id)))
          await record(transaction, entryOf('address.opened', address));
      for (const address of [
        ...gone,
        ...changed.flatMap(({ id, state }) => (state === 'refused' ? (known.get(id) ?? []) : [])),
      ])
        if (isOpen(address)) await record(transaction, entryOf('address.closed', address));
      for (const [ownerId, id] of new Map([...changed, ...gone].map(({ owner, id }) => [owner.id, id]))) {
        transaction.announce({ topic: 'services', key: `${ownerId}/${id}` });
        transaction.announce({ topic: 'places', key: ownerId });
      }
    });
  }

  async function rest(): Promise<void> {
    view?.close();
    view = undefined;
    await queue.idle();
    followed.clear();
    contested.clear();
  }

  return {
    ...createAddresses({ store }),
    start() {
      if (view !== undefined) return;
      const opened = createView(kube, changed);
      view = opened;
      begin(opened).catch((error: unknown) => {
        if (opened === view) log.error({ err: error }, complaint);
      });
    },
    rest,
    async close() {
      for (const stop of stops) stop();
      await rest();
      await queue.stop();
    },
  };
}

const complaint = 'addresses that people made in the cluster could not be looked at';
const isTaken = 'Something else has this address already.';

const isEmpty = (things: Iterable<unknown>): boolean => {
  for (const _ of things) return false;
  return true;
};

const isOpen = (address: Address | undefined): boolean => address !== undefined && address.state !== 'refused';

/** Of any length and form: hosts and names of objects are of people. */
const idOf = (namespace: string, { object, host }: Asked): string =>
  createHash('sha256')
    .update(JSON.stringify([namespace, object, host ?? null]))
    .digest('hex')
    .slice(0, 32);

/** Whether the same is said of it, and so since then. */
const isSaid = (one: Address | undefined, other: Address): boolean =>
  one !== undefined && JSON.stringify({ ...one, since: 0 }) === JSON.stringify({ ...other, since: 0 });

const entryOf = (action: string, { owner, namespace, object, host }: Address): AuditEntry => ({
  ...{ action, actor: 'system', subject: `${owner.kind}:${owner.name}`, outcome: 'done' },
  detail: { namespace, object, host: host ?? '' },
});

function routeOf({ host, name, label }: Granted, owner: Address['owner'], upstream: Upstream): Route {
  return {
    ...{ host, name: label, kind: 'discovered', title: name, audience: 'everyone', upstream },
    service: { id: `discovered:${label}`, label: name, owner: owner.name, isTeam: owner.kind === 'team' },
    ownedPrefixes: [],
    untouchedPrefixes: [],
    // What runs there is anything: its paths are its own affair.
    switches: { encodedSlash: true, doubleSlash: true, pathParameters: true, methods: [] },
  };
}

const isSame = (one: Route, other: Route): boolean =>
  one.kind === other.kind &&
  JSON.stringify(one.service) === JSON.stringify(other.service) &&
  one.upstream.hostname === other.upstream.hostname &&
  one.upstream.port === other.upstream.port;
