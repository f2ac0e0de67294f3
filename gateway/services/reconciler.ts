import { type Clock, createKeyedQueue, type Log } from '../lib/index.ts';
import { type Upstream, upstreamAddress } from '../routes/index.ts';
import type { Store } from '../store/index.ts';
import { causeOfError } from './causes.ts';
import type { Engine } from './engine.ts';
import * as records from './records.ts';
import type { Cause, Service } from './service.ts';
import { nextStep, type Step } from './step.ts';

export type Reconciler = {
  /** Looks at one service soon; looks at each one again and again. */
  look(id: string): void;
  /** What a service of this machine was at the last look, without asking anybody. */
  stateOf(id: string): Service | undefined;
  /** What a service of another machine was when it changed last, without asking anybody. */
  elsewhere(id: string): Service | undefined;
  /** All of this machine, as they were at the last look. */
  known(): Iterable<Service>;
  /** Until then nothing is looked at. */
  start(): Promise<void>;
  close(): Promise<void>;
};

/** Several gateways on one cluster: one of them acts, and the others only look. */
export type Replicas = {
  /** Whether this one acts. */
  leads(): boolean;
  /** Hears each time that this one begins to. */
  onLead(hear: () => void): void;
};

/** Where a service is reached, put into and taken out of the table of routes. */
export type ServiceRoutes = { put(service: Service): Promise<void>; remove(service: Service): Promise<void> };

const sweepMs = 30_000;

/**
 * Makes what runs equal to what is wanted, one service at a time for each, from whatever it finds: what was cut short by an error or
 * by the end of the process is done at the next look.
 */
export function createReconciler(options: {
  store: Store;
  engine: Engine;
  machine: string;
  routes: ServiceRoutes;
  /** Whether an owner's services may run now. */
  isActive(owner: Service['owner']): Promise<boolean>;
  /** Absent where this gateway is the only one. */
  replicas?: Replicas;
  /** Forgets what is kept of one beside its record. */
  onRemoved(id: string): Promise<void>;
  /** Hears of what a service of this machine is seen to be, at each look. */
  onSeen(service: Service): void;
  /** Hears of what one of another machine is. */
  onElsewhere(service: Service): void;
  clock: Clock;
  log: Log;
}): Reconciler {
  const { store, engine, machine, routes, isActive, replicas, onRemoved, onSeen, onElsewhere, clock, log } = options;
  const states = new Map<string, Service>();
  const others = new Map<string, Service>();
  /** Where the route of each leads, as far as it was put in this run. */
  const placed = new Map<string, string>();
  /** Between `start` and `close`: what an earlier run left may hold sockets until then. */
  let isAtWork = false;
  const queue = createKeyedQueue({
    work: reconcile,
    log,
    complaint: 'a service could not be brought to what is wanted',
    pauses: { firstMs: 1000, mostMs: sweepMs },
    resync: { ms: sweepMs, keys: () => (isAtWork ? records.idsOn(store.db, machine) : []) },
  });
  const stops = [
    engine.onChange(look),
    store.onChange('services', (key) => look(records.idsInChange(key).id)),
    store.onGap(sweepSoon),
  ];
  // What was left to the one that led before is not left until the next round.
  replicas?.onLead(sweepSoon);

  function see(service: Service): void {
    states.set(service.id, service);
    onSeen(service);
  }

  function look(id: string): void {
    if (isAtWork) queue.add(id);
  }

  function sweepSoon(): void {
    void sweep().catch((error: unknown) => log.error({ err: error }, 'looking at the services failed'));
  }

  async function sweep(): Promise<void> {
    if (!isAtWork) return;
    for (const id of await records.idsOn(store.db, machine)) look(id);
    const known = await records.servicesElsewhere(store.db, machine);
    for (const id of others.keys()) if (!known.some((one) => one.id === id)) others.delete(id);
    for (const service of known) seeElsewhere(service);
  }

  /** Nothing is done about it here; whoever comes to its address is told how it is. */
  function seeElsewhere(service: Service): void {
    others.set(service.id, service);
    onElsewhere(service);
  }

  async function reconcile(id: string): Promise<void> {
    const service = await records.findService(store.db, id);
    if (service === undefined) return forget(id);
    if (service.machine !== machine) return seeElsewhere(service);
    see(service);
    if (replicas?.leads() === false) {
      // What it sees of it, for what is asked by its id alone.
      engine.observe(service);
      return;
    }
    // Nothing of an owner who is disabled or gone runs, and no visit wakes it.
    const isWanted = service.wish === 'running' || service.wish === 'asleep';
    const mayRun = !isWanted || (await isActive(service.owner));
    const step = nextStep(mayRun ? service : { ...service, wish: 'stopped' }, engine.observe(service));
    if (step.state === 'ready') await follow(service);
    await act(service, step);
  }

  function forget(id: string): void {
    states.delete(id);
    others.delete(id);
    placed.delete(id);
  }

  async function act(service: Service, step: Step): Promise<void> {
    const { id } = service;
    switch (step.act) {
      case 'start': {
        if (!(await note(service, step))) return;
        const cause = await begin(service);
        if (cause) await note({ ...service, state: step.state }, { state: 'failed', cause });
        return;
      }
      case 'stop':
        await note(service, step);
        await engine.stop(service);
        look(id);
        return;
      case 'remove':
        await engine.remove(service);
        await routes.remove(service);
        await onRemoved(id);
        forget(id);
        await store.transaction(async (transaction) => {
          await records.deleteService(transaction.db, id);
          transaction.announce({ topic: 'services', key: records.changeKeyOf(service) });
        });
        return;
      case undefined:
        await note(service, step);
        if (step.state === 'sleeping' || step.state === 'stopped')
          await engine.rest?.(service, step.state === 'sleeping');
    }
  }

  /** Its route leads to where it is now, before anybody reads that it is ready. */
  async function follow(service: Service): Promise<void> {
    const place = placeOf(engine.upstreamOf(service));
    if (place === undefined || placed.get(service.id) === place) return;
    await routes.put(service);
    placed.set(service.id, place);
  }

  /** Starts it; the cause when that could not even be begun. */
  async function begin(service: Service): Promise<Cause | undefined> {
    try {
      await routes.put(service);
      await engine.start(service);
      return undefined;
    } catch (error) {
      log.warn({ err: error, service: service.id }, 'a service could not be started');
      return causeOfError(error);
    }
  }

  /** Writes the state when it is another one. False when somebody wants another thing meanwhile: it is looked at again. */
  async function note(service: Service, { state, cause }: Step): Promise<boolean> {
    const { id } = service;
    if (service.state === state && sameCause(service.cause, cause)) return true;
    const at = clock.now();
    const isNew = service.state !== state;
    // It answers already: who reads that it is ready is not held up while the write is still being made safe on the disk.
    if (state === 'ready') onSeen({ ...service, state });
    const isWritten = await store.transaction(async (transaction) => {
      const { db } = transaction;
      if (!(await records.writeState(db, service, { state, since: isNew ? at : service.since, cause }))) return false;
      if (isNew)
        await records.addTransition(db, { serviceId: id, at, state, actor: 'system', ...(cause && { cause }) });
      transaction.announce({ topic: 'services', key: records.changeKeyOf(service) });
      return true;
    });
    if (!isWritten) look(id);
    else {
      const { cause: _, ...rest } = service;
      const since = isNew ? at : service.since;
      const lastUsedAt = state === 'ready' ? (service.lastUsedAt ?? since) : service.lastUsedAt;
      see({
        ...rest,
        state,
        since,
        ...(cause && { cause }),
        ...(lastUsedAt !== undefined && { lastUsedAt }),
      });
    }
    return isWritten;
  }

  return {
    look,
    stateOf: (id) => states.get(id),
    elsewhere: (id) => others.get(id),
    known: () => states.values(),
    start() {
      isAtWork = true;
      return sweep();
    },
    async close() {
      isAtWork = false;
      for (const stop of stops) stop();
      await queue.stop();
    },
  };
}

const placeOf = (upstream: Upstream | undefined): string | undefined =>
  upstream && (upstream.socket ?? upstreamAddress(upstream));

const sameCause = (one: Cause | undefined, other: Cause | undefined): boolean => one?.code === other?.code;
