import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isKubeFault, type Kube } from '../kube/index.ts';
import {
  type AuditEntry,
  type Clock,
  type ComponentHealth,
  createKeyedQueue,
  every,
  type Log,
  namespaceOf,
} from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { desiredOf, type StepName, undecidedOf } from './desired/desired.ts';
import type { ClusterSettings, Wanted } from './desired/wanted.ts';
import { type Difference, differencesOf } from './differences.ts';
import { watchDrift, type Watching } from './drift.ts';
import { healthOf } from './health.ts';
import { observeAll, type Observed, observeOwner } from './observed.ts';
import { lookAtClaims, pass, type Passed } from './pass.ts';
import { isQuiet, pausedMark } from './pause.ts';
import type { Place } from './place.ts';
import { createPlaces, everybody, type Places } from './places.ts';
import * as records from './records.ts';
import { removePlace } from './removal.ts';
import { newSteps, nextLookMs, type Outcome, sameSteps, type Step, stepsAfter, waitingForCluster } from './steps.ts';

/** Who there is, from accounts, plans and files. */
export type OwnerFacts = {
  /** Ids of everybody who may have a place. */
  ids(): Promise<string[]>;
  /** Undefined for who is no more, or was never let in. */
  find(id: string): Promise<Wanted | undefined>;
  /** Makes the folder of an area, as it is called in `Wanted`, where it is missing. */
  makeFolder(folder: string): void;
};

export type Provisioning = Places & {
  /** What a look would change now; nothing is changed. Undefined for who has no place. */
  differences(ownerId: string): Promise<Difference[] | undefined>;
  health(): ComponentHealth[];
  /** Until then nothing is looked at. Resolves when everybody was looked at once, or the cluster is away. */
  start(): Promise<void>;
  /** Looks at nobody any more until it is started again; resolves when nothing is under way. */
  rest(): Promise<void>;
  close(): Promise<void>;
};

export type ProvisioningOptions = {
  kube: Kube;
  settings: () => Promise<ClusterSettings>;
  owners: OwnerFacts;
  store: Store;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  /** How long the place of somebody who was deleted stays, paused. Milliseconds. */
  graceMs: number;
  /** Whether this replica is the one that writes to the cluster. */
  leads: () => boolean;
  clock: Clock;
  log: Log;
};

const sweepMs = 60_000;
/** Looks at once. Each is a chain of requests. */
const atOnce = 8;

/**
 * Makes the cluster equal to what is wanted for each person and team: level by level, from whatever is found, on every change and
 * again and again.
 */
export function createProvisioning(options: ProvisioningOptions): Provisioning {
  const { kube, settings, owners, store, record, graceMs, leads, clock, log } = options;
  const queue = createKeyedQueue({
    work: look,
    ...{ log, atOnce, complaint: 'the place of an owner in the cluster could not be looked at' },
    pauses: { firstMs: 1000, mostMs: 60_000 },
  });
  let isAtWork = false;
  let watching: Watching | undefined;
  /** Since when the cluster does not answer. */
  let awaySince: number | undefined;
  let failing = new Map<string, string>();
  const connecting = new Map<string, { hash: string; looks: number }>();
  /** Something happened since the last whole look at them began. */
  const stirred = new Set<string>();

  /** Whatever happened may be about anything: not only claims are looked at. */
  function lookAt(id: string): void {
    connecting.delete(id);
    stirred.add(id);
    queue.add(id);
  }

  const stops = [
    store.onChange('users', lookAt),
    store.onChange('teams', lookAt),
    store.onChange('plans', lookAt),
    store.onChange('place-wishes', (key) => (key === everybody ? void sweepSoon() : lookAt(key))),
    store.onGap(() => void sweepSoon()),
  ];
  const loop = every(sweepMs, sweep, { log, complaint, jitter: 0.1 });
  const sweepSoon = (): Promise<void> => sweep().catch((error: unknown) => log.error({ err: error }, complaint));

  /** One list of each kind, and a look only at whom it shows to be otherwise than wanted. */
  async function sweep(): Promise<void> {
    if (!isAtWork || !leads()) return;
    try {
      const [ids, now, found, places] = await Promise.all([
        owners.ids(),
        settings(),
        observeAll(kube),
        records.allPlaces(store.db),
      ]);
      back();
      const known = new Map(places.map((place) => [place.owner.id, place]));
      for (const id of new Set([...ids, ...known.keys()]))
        if (!(await isSettled(id, now, found.get(id), known.get(id)))) queue.add(id);
    } catch (error) {
      if (!isKubeFault(error)) throw error;
      away(error);
    }
  }

  async function isSettled(
    id: string,
    now: ClusterSettings,
    found: Observed | undefined,
    place: records.PlaceRecord | undefined,
  ): Promise<boolean> {
    const wanted = await owners.find(id);
    if (wanted === undefined || (wanted.isPaused && found === undefined)) return place === undefined;
    if (place === undefined || found === undefined) return false;
    const desired = desiredOf(wanted, now);
    const differences = differencesOf(desired, found, undecidedOf(wanted, now));
    const mark = found.namespace?.metadata.annotations?.[pausedMark];
    return (
      place.steps.every(({ state }) => state === 'done') &&
      place.converged === hashOf(desired) &&
      (wanted.isPaused ? isQuiet(found.namespace) : mark === undefined) &&
      differences.every(({ is }) => is === 'overridden') &&
      sameOverrides(place, differences)
    );
  }

  /** Looks at one owner; the answer is when to look again, in milliseconds. */
  async function look(id: string): Promise<number | undefined> {
    if (!isAtWork || !leads()) return undefined;
    const before = await records.findPlace(store.db, id);
    const wanted = await owners.find(id);
    try {
      const now = await settings();
      const again = wanted === undefined ? await remove(id, before, now) : await make(wanted, before, now);
      back();
      return again;
    } catch (error) {
      if (!isKubeFault(error)) throw error;
      away(error);
      // Who waits for the first time sees why; of everybody else there is no news.
      if (wanted && (before === undefined || before.state === 'making')) {
        const place = before ?? newPlace(wanted, await settings().catch(() => undefined));
        await note({ ...place, steps: waitingForCluster(place.steps) }, before);
      }
      return awayMs;
    }
  }

  async function make(
    wanted: Wanted,
    before: records.PlaceRecord | undefined,
    now: ClusterSettings,
  ): Promise<number | undefined> {
    const namespace = namespaceOf(now, wanted.owner);
    // Who is disabled and never had a place gets none.
    if (
      wanted.isPaused &&
      before === undefined &&
      (await observeOwner(kube, namespace, wanted.owner.id)).namespace === undefined
    )
      return undefined;
    stirred.delete(wanted.owner.id);
    if (before === undefined) await note(newPlace(wanted, now), undefined);
    const knownUid = before?.namespaceUid;
    const hash = hashOf(desiredOf(wanted, now));
    for (const { folder } of wanted.areas) owners.makeFolder(folder);
    const passed =
      (before && (await onlyClaims(before, wanted, hash))) ??
      (await pass(kube, wanted, now, { knownUid, now: clock.now() }));
    const steps = stepsAfter(before?.steps ?? [], passed.outcomes, clock.now());
    const isDone = steps.every(({ state }) => state === 'done');
    const state = stateOf(steps, wanted);
    const place: records.PlaceRecord = {
      ...{ owner: wanted.owner, namespace, state, steps, overrides: passed.overrides },
      since: before?.state === state ? before.since : clock.now(),
      namespaceUid: passed.namespaceUid ?? knownUid,
      converged: isDone ? hash : before?.converged,
    };
    await note(place, before, entriesOf(place, before, passed, hash));
    if (state === 'failed') failing.set(wanted.owner.id, wanted.owner.name);
    else failing.delete(wanted.owner.id);
    const isBinding = steps.every((step) => step.state === 'done' || (step.name === 'files' && step.state === 'doing'));
    if (!isBinding || isDone || stirred.has(wanted.owner.id)) connecting.delete(wanted.owner.id);
    // What is put right may need more than time: it is looked at as a whole.
    else if (before?.converged === undefined && !connecting.has(wanted.owner.id))
      connecting.set(wanted.owner.id, { hash, looks: 0 });
    // Among many the cluster takes its time: whoever has waited for a while waits a little longer.
    const pause = nextLookMs(steps);
    return pause && pause * 1.6 ** (connecting.get(wanted.owner.id)?.looks ?? 0);
  }

  /** Of who waits for nothing but the cluster to connect their files only that is looked at, for a while. */
  async function onlyClaims(before: records.PlaceRecord, { areas }: Wanted, hash: string): Promise<Passed | undefined> {
    const { owner, namespace, steps, overrides, namespaceUid } = before;
    const known = connecting.get(owner.id);
    if (known === undefined || known.hash !== hash || (known.looks += 1) > mostLooks) {
      connecting.delete(owner.id);
      return undefined;
    }
    const outcomes = new Map<StepName, Outcome>(steps.map(({ name }) => [name, { state: 'done' }]));
    const files = await lookAtClaims(kube, namespace, owner.id, areas);
    if (files === undefined) return undefined;
    outcomes.set('files', files);
    return { outcomes, overrides: [...overrides], mended: [], adopted: false, resumed: false, namespaceUid };
  }

  async function remove(
    id: string,
    before: records.PlaceRecord | undefined,
    now: ClusterSettings,
  ): Promise<number | undefined> {
    // What nobody here has made is another Knot's, or of a store that was lost: it is left alone.
    if (before === undefined) return undefined;
    const { owner, namespaceUid } = before;
    const name = before.namespace || namespaceOf(now, owner);
    const removing = { owner, name, knownUid: namespaceUid };
    const { outcomes, isGone, againInMs } = await removePlace(kube, removing, { graceMs, now: clock.now() });
    failing.delete(id);
    const entry = (action: string): AuditEntry => ({
      ...{
        action,
        actor: 'system',
        subject: `${owner.kind}:${owner.name}`,
        outcome: 'done',
        detail: { namespace: name },
      },
    });
    if (isGone) {
      await store.transaction(async (transaction) => {
        await records.deletePlace(transaction.db, id);
        await record(transaction, entry('place.removed'));
        transaction.announce({ topic: 'places', key: id });
      });
      return undefined;
    }
    const steps = stepsAfter(before.steps, outcomes, clock.now());
    const isNew = before.state !== 'leaving';
    const place: records.PlaceRecord = {
      ...{ owner, namespace: name, state: 'leaving', steps, overrides: [] },
      since: isNew ? clock.now() : before.since,
      namespaceUid,
    };
    await note(place, before, isNew ? [entry('place.leaving')] : []);
    return againInMs;
  }

  /** Writes what a place is, when it is another thing than before. */
  async function note(
    place: records.PlaceRecord,
    before: records.PlaceRecord | undefined,
    entries: readonly AuditEntry[] = [],
  ): Promise<void> {
    if (before !== undefined && entries.length === 0 && isSame(before, place)) return;
    await store.transaction(async (transaction) => {
      await records.writePlace(transaction.db, place);
      for (const entry of entries) await record(transaction, entry);
      transaction.announce({ topic: 'places', key: place.owner.id });
    });
  }

  /** What is changed before the watches see anything is found by the sweep that follows; they are not waited for while the cluster is away. */
  async function watchingBegun(): Promise<void> {
    if (watching !== undefined) return;
    const begun = watchDrift(kube, lookAt);
    watching = begun;
    const isReady = await Promise.race([begun.ready, delay(patienceMs, false, { ref: false })]);
    if (!isReady) void begun.ready.then((isLate) => (isLate ? sweepSoon() : undefined));
  }

  const newPlace = ({ owner }: Wanted, now: ClusterSettings | undefined): records.PlaceRecord => ({
    ...{ owner, namespace: now ? namespaceOf(now, owner) : '', state: 'making', since: clock.now() },
    ...{ steps: newSteps(clock.now()), overrides: [] },
  });

  function away(error: unknown): void {
    if (awaySince === undefined) log.warn({ err: error }, 'the cluster does not answer as it should');
    awaySince ??= clock.now();
  }
  function back(): void {
    if (awaySince !== undefined) log.info({}, 'the cluster answers again');
    awaySince = undefined;
  }

  return {
    ...createPlaces({ store, record }),
    async differences(ownerId) {
      const wanted = await owners.find(ownerId);
      if (wanted === undefined) return undefined;
      const now = await settings();
      const found = await observeOwner(kube, namespaceOf(now, wanted.owner), ownerId);
      return differencesOf(desiredOf(wanted, now), found, undecidedOf(wanted, now));
    },
    health: () => healthOf({ awaySince, failing: [...failing.values()], now: clock.now() }),
    async start() {
      isAtWork = true;
      for (const { state, owner } of await records.allPlaces(store.db))
        if (state === 'failed') failing.set(owner.id, owner.name);
      await watchingBegun();
      await sweep();
      await queue.idle();
    },
    rest() {
      isAtWork = false;
      watching?.close();
      watching = undefined;
      return queue.idle();
    },
    async close() {
      isAtWork = false;
      watching?.close();
      for (const stop of stops) stop();
      await loop.stop();
      await queue.stop();
      failing = new Map();
    },
  };
}

const complaint = 'looking at the places of people and teams in the cluster failed';
const awayMs = 5000;
const mostLooks = 6;
const patienceMs = 2000;

const hashOf = (desired: unknown): string => createHash('sha256').update(JSON.stringify(desired)).digest('base64url');

function stateOf(steps: readonly Step[], { isPaused }: Wanted): Place['state'] {
  if (steps.some(({ state }) => state === 'failed')) return 'failed';
  if (steps.some(({ state }) => state !== 'done')) return 'making';
  return isPaused ? 'paused' : 'ready';
}

/** What of a pass goes into the ledger: what somebody else had changed, an adoption, a pause and its end. */
function entriesOf(
  { owner, namespace, state }: records.PlaceRecord,
  before: records.PlaceRecord | undefined,
  { mended, adopted, resumed }: Passed,
  hash: string,
): AuditEntry[] {
  const entry = (action: string, detail: AuditEntry['detail'] = {}): AuditEntry => ({
    ...{ action, actor: 'system', subject: `${owner.kind}:${owner.name}`, outcome: 'done' },
    detail: { namespace, ...detail },
  });
  // The same was wanted and was there: somebody else has changed it since.
  const isDrift = before?.converged === hash && mended.length > 0;
  return [
    ...(adopted ? [entry('place.adopted')] : []),
    ...(isDrift ? [entry('place.repaired', { objects: mended.slice(0, 10).join(', ') })] : []),
    ...(state === 'paused' && before?.state !== 'paused' ? [entry('place.paused')] : []),
    ...(resumed ? [entry('place.resumed')] : []),
  ];
}

const isSame = (one: records.PlaceRecord, other: records.PlaceRecord): boolean =>
  one.state === other.state &&
  one.converged === other.converged &&
  one.namespaceUid === other.namespaceUid &&
  sameSteps(one.steps, other.steps) &&
  JSON.stringify(one.overrides) === JSON.stringify(other.overrides);

const sameOverrides = ({ overrides }: Place, differences: readonly Difference[]): boolean =>
  JSON.stringify(overrides) ===
  JSON.stringify(
    differences.flatMap((one) => (one.is === 'overridden' ? [{ object: one.key, reason: one.reason }] : [])),
  );
