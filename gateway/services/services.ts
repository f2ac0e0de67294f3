import {
  type AuditEntry,
  type Clock,
  type ComponentHealth,
  every,
  type Log,
  type Principal,
  type ProcessPlan,
  type RouteState,
  type Traffic,
} from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { type Act, wishedBy } from './acts.ts';
import { type By, createChange } from './change.ts';
import type { Engine, LaunchStep, Missing } from './engine.ts';
import { createHistory, type History } from './history/history.ts';
import { createLaunch, type Launch } from './launch.ts';
import { createServiceMetrics, type Metrics } from './metrics/metrics.ts';
import { createUseBook, type ServiceUse } from './metrics/use.ts';
import { createReconciler, type Replicas, type ServiceRoutes } from './reconciler.ts';
import type { ServiceOutput } from './output/pages.ts';
import * as records from './records.ts';
import { isElsewhere, noSuchService, notToBeWoken } from './refusals.ts';
import { smallestIdle } from './rest/deadline.ts';
import { createResting, type Rest } from './rest/resting.ts';
import { type Amount, createRoom, type OwnerLimits, type RoomTold } from './room.ts';
import type { Service, Size, Transition } from './service.ts';
import type { Templates } from './template.ts';
import { createTerminals, type Terminals } from './terminals.ts';
import { tileElsewhere, tileOf } from './tile.ts';

export type Services = Launch & {
  /** What a template needs and is not there, for a person who would launch it. */
  missing(plan: ProcessPlan, person: Pick<Principal, 'isAdmin'>): Promise<Missing[]>;
  find(id: string): Promise<Service | undefined>;
  of(owners: readonly Pick<Service['owner'], 'kind' | 'id'>[]): Promise<Service[]>;
  /** Everybody's, newest first: for whom may see them. */
  all(): Promise<Service[]>;
  transitions(id: string): Promise<Transition[]>;
  /** @throws KNOT_SERVICES_ELSEWHERE */
  output(service: Service): Promise<ServiceOutput>;
  /** Shells in those that run. @throws KNOT_SERVICES_ELSEWHERE */
  terminals: Terminals;
  /** The folder among the files of its owner that goes to their trash when it is removed; undefined where it has none there. */
  homeOf(service: Pick<Service, 'id' | 'name'>): string | undefined;
  /** Of the start that is under way, or of the last one. */
  steps(service: Pick<Service, 'id'>): readonly LaunchStep[];
  /**
   * Whatever it is doing now: the last wish is what happens.
   * @throws KNOT_SERVICES_NONE, KNOT_SERVICES_CHANGED, KNOT_SERVICES_STOPPED for one that was stopped and is to be woken
   */
  act(id: string, act: Exclude<Act, 'sleep'>, by: By): Promise<Service>;
  /** Somebody who may opens its page: one that sleeps is woken, nothing else happens. Synchronous: for pages in its place. */
  visited(id: string, actor: string): void;
  /**
   * Keeps it awake for some hours more than it would be, or until then; null takes that back. Never for longer than a day from now, or 8 hours where knot.yaml or a plan limits idle time.
   * @throws KNOT_SERVICES_NONE
   */
  extend(id: string, longer: { hours: number } | { until: number | null }, by: By): Promise<Service>;
  /** When it will sleep; undefined for one that never does. */
  rest(service: Service): Promise<Rest | undefined>;
  /** What it was before, and how it becomes another thing. */
  history: History;
  /** What an owner may choose from, may have, and has. */
  room(owner: Service['owner']): Promise<RoomTold>;
  /** What each owner has of what plans bound, by id; nothing of those who have nothing. */
  held(): Promise<ReadonlyMap<string, Amount>>;
  /** How well services are kept apart and bounded. */
  health(): Promise<ComponentHealth[]>;
  /** What it used, in a part of the last day. @throws KNOT_SERVICES_ELSEWHERE */
  metrics(id: string, range: { from?: number | undefined; step?: number | undefined }): Promise<Metrics>;
  /** What the services of an owner used in a month (YYYY-MM), and use now: from the samples, whatever else measures. */
  usedBy(
    owner: Pick<Service['owner'], 'kind' | 'id'>,
    month: string,
  ): Promise<ServiceUse & { now: { cpu: number; memory: number } }>;
  /** What counts the requests to it. Synchronous: asked where routes are made ready. */
  trafficOf(id: string): Traffic;
  /** What is known of one that does not answer; undefined when it should. Synchronous: for pages in its place. */
  tile(id: string): RouteState | undefined;
  /** Looks at what an owner has, after they changed. */
  lookAt(owner: Pick<Service['owner'], 'kind' | 'id'>): Promise<void>;
  /** Begins to bring everything to what is wanted. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export type ServicesOptions = {
  store: Store;
  engine: Engine;
  templates: Templates;
  /** Names this machine among those on one store. */
  machine: string;
  routes: ServiceRoutes & { isTaken(label: string): boolean };
  isActive(owner: Service['owner']): Promise<boolean>;
  /** Absent where this gateway is the only one. */
  replicas?: Replicas;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  /** What services may take, smallest first, and what they may be promised of this machine. */
  sizes: readonly Size[];
  whole: { cpu: number; memory: number };
  limitsOf(owner: Service['owner']): Promise<OwnerLimits>;
  /** After how many seconds without use an owner's services sleep, by whatever says so; the smallest of those above 0 counts. */
  idleSecondsOf(owner: Service['owner']): Promise<readonly (number | undefined)[]>;
  /** Folder of what they used; of this machine. */
  metricsFolder: string;
  clock: Clock;
  log: Log;
};

export function createServices(options: ServicesOptions): Services {
  const { store, engine, templates, machine, routes, record, clock, log } = options;
  const book = createUseBook({ store, ownersOf: (ids) => records.ownerIdsOf(store.db, ids), clock });
  const metrics = createServiceMetrics({ engine, folder: options.metricsFolder, book, clock, log });
  const reconciler = createReconciler({
    ...options,
    onRemoved: metrics.forget,
    // Programs answer before they are ready, with whatever failures they have.
    onSeen: ({ id, state }) => void (metrics.trafficOf(id).isHeld = state !== 'ready'),
    // Its socket is nothing here, or on the same disk by chance: who is let in there is that gateway's affair.
    onElsewhere: ({ id }) => void (metrics.trafficOf(id).isHeld = true),
  });
  const { look } = reconciler;
  const room = createRoom({ ...options, ...(engine.accelerators && { acceleratorsNow: engine.accelerators }) });
  const change = createChange({ store, record, room, look, clock });
  const launch = createLaunch({ store, engine, templates, machine, routes, room, record, look, clock });
  const history = createHistory({ store, engine, templates, change, clock });
  const terminals = createTerminals(engine, (id) => {
    metrics.trafficOf(id).use.lastAt = performance.now();
  });
  const wished = (act: Act) => (service: Service) => wishedBy(act, service, clock.now()) ?? {};
  let tidying: ReturnType<typeof every> | undefined;
  let starting: Promise<void> | undefined;
  let isClosed = false;
  const resting = createResting({
    ...{ engine, clock, log },
    known: reconciler.known,
    trafficOf: metrics.trafficOf,
    idleSecondsOf: options.idleSecondsOf,
    async writeUse(service, lastUsedAt) {
      await records.writeUse(store.db, service.id, lastUsedAt);
      // For the next look, which is of the same object.
      service.lastUsedAt = lastUsedAt;
    },
    ...(options.replicas && {
      others: {
        leads: options.replicas.leads,
        lastUseOf: async ({ id }) => (await records.findService(store.db, id))?.lastUsedAt,
      },
    }),
    sleep: ({ id }) =>
      change(id, { actor: 'system' }, { action: 'service.slept', onlyIf: 'running', change: wished('sleep') }),
  });

  /** One that sleeps is woken, nothing else happens. */
  function wake(id: string, actor: string): void {
    // Of another machine too: what is wanted of it is in the store, and its own gateway does it.
    if ((reconciler.stateOf(id) ?? reconciler.elsewhere(id))?.wish !== 'asleep') return;
    change(id, { actor }, { action: 'service.woken', onlyIf: 'asleep', change: wished('wake') }).catch(
      (error: unknown) => log.warn({ err: error, service: id }, 'a service could not be woken'),
    );
  }
  // Another service of its owner wants what it offers.
  const stopHearing = engine.onRing?.((id) => wake(id, 'system'));

  /** @throws KNOT_SERVICES_ELSEWHERE */
  function demandHere(service: Pick<Service, 'name' | 'machine'> | undefined): void {
    if (service !== undefined && service.machine !== machine) throw isElsewhere(service.name);
  }

  /** Asked after every wait: what is closed begins nothing. */
  async function begin(): Promise<void> {
    if (isClosed) return;
    await engine.tidy();
    if (isClosed) return;
    await reconciler.start();
    if (isClosed) return;
    resting.start();
    // Measuring also ends what takes more than it may.
    await metrics.start(new Set(await records.idsOn(store.db, machine)));
    if (isClosed) return;
    const complaint = 'files of templates that nothing needs are still there';
    tidying = every(hourMs, history.tidy, { log, complaint });
    await history.tidy().catch((error: unknown) => log.error({ err: error }, complaint));
  }

  return {
    ...launch,
    missing: (plan, { isAdmin }) => engine.missing(plan, isAdmin),
    room: room.tell,
    held: room.held,
    find: (id) => records.findService(store.db, id),
    of: (owners) => records.servicesOf(store.db, owners),
    all: () => records.allServices(store.db),
    transitions: (id) => records.transitionsOf(store.db, id),
    async output(service) {
      demandHere(service);
      return engine.output(service);
    },
    terminals: {
      ...terminals,
      async open(service, ...more) {
        demandHere(service);
        return terminals.open(service, ...more);
      },
    },
    homeOf: (service) => engine.homeOf?.(service),
    steps: (service) => engine.steps(service),
    act: (id, act, by) =>
      change(id, by, {
        action: actions[act],
        change(service) {
          const wished = wishedBy(act, service, clock.now());
          if (wished !== undefined) return wished;
          throw service.wish === 'removed' ? noSuchService() : notToBeWoken();
        },
      }),
    visited: wake,
    async extend(id, longer, by) {
      const service = await records.findService(store.db, id);
      if (service === undefined) throw noSuchService();
      const rest = await resting.of(service);
      const now = clock.now();
      const wanted = 'until' in longer ? longer.until : Math.max(rest?.sleepsAt ?? now, now) + longer.hours * hourMs;
      const isLimited = smallestIdle(...(await options.idleSecondsOf(service.owner))) > 0;
      const most = now + (isLimited ? mostKeptMs.limited : mostKeptMs.free);
      const keptUntil = wanted === null || wanted <= now ? null : Math.min(wanted, most);
      return change(id, by, {
        action: 'service.kept',
        detail: { until: keptUntil },
        change: ({ wish }) => {
          if (wish === 'removed') throw noSuchService();
          return { keptUntil };
        },
      });
    },
    health: engine.health,
    rest: resting.of,
    history: {
      ...history,
      // The files of a new version are kept on the machine that starts it.
      async upgrade(id, ...more) {
        demandHere(await records.findService(store.db, id));
        return history.upgrade(id, ...more);
      },
    },
    tile(id) {
      const known = reconciler.stateOf(id);
      if (known) return tileOf(known, engine.steps(known));
      const other = reconciler.elsewhere(id);
      return other && tileElsewhere(other);
    },
    async lookAt(owner) {
      // Of an owner who is gone nothing names them any more.
      const concerned = [
        ...(await records.servicesOf(store.db, [owner])),
        ...(await records.orphanedServices(store.db)),
      ];
      for (const { id } of concerned) reconciler.look(id);
    },
    async metrics(id, range) {
      demandHere(reconciler.elsewhere(id));
      return metrics.read(id, range);
    },
    async usedBy(owner, month) {
      await book.write();
      const ids = (await records.servicesOf(store.db, [owner])).map(({ id }) => id);
      return { ...(await book.of(owner.id, month)), now: metrics.now(ids) };
    },
    trafficOf: metrics.trafficOf,
    start: () => (starting ??= begin()),
    async close() {
      isClosed = true;
      stopHearing?.();
      engine.quit?.();
      await starting?.catch(() => undefined);
      await tidying?.stop();
      await resting.close();
      await metrics.close();
      await reconciler.close();
      await engine.close();
    },
  };
}

const hourMs = 3_600_000;
/** Whoever does not come back holds what others wait for no longer than this: less where the house says that services sleep at all. */
const mostKeptMs = { limited: 8 * hourMs, free: 24 * hourMs };

const actions: Record<Act, string> = {
  start: 'service.started',
  stop: 'service.stopped',
  wake: 'service.woken',
  sleep: 'service.slept',
  remove: 'service.removed',
};
