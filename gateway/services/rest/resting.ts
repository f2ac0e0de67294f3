import { type Clock, every, type Log, type Traffic } from '../../lib/index.ts';
import type { Engine } from '../engine.ts';
import type { Service } from '../service.ts';
import { sleepsAt, smallestIdle } from './deadline.ts';

/** When a service will sleep, for its people. Times in milliseconds. */
export type Rest = {
  idleSeconds: number;
  lastUsedAt?: number;
  /** Not while it sleeps, or works at something. */
  sleepsAt?: number;
  keptUntil?: number;
  /** What keeps it awake, in plain words. */
  busyWith?: string;
};

export type Resting = {
  /** Undefined for one that never sleeps. */
  of(service: Service): Promise<Rest | undefined>;
  /** Looks once at all of them: puts to sleep what is due, and writes down what was used. */
  sweep(): Promise<void>;
  start(): void;
  close(): Promise<void>;
};

const sweepMs = 5_000;
/** How often a use is written down: what is lost when the gateway is killed is no more than this. */
const writeMs = 60_000;
/** How often something that works is asked whether it still does. */
const askAgainMs = 60_000;

/**
 * Puts to sleep what nobody uses. Looks at what it is told of in memory, so that many services cost nothing while they are used; asks a
 * program whether it works at something only when its time has come.
 */
export function createResting(options: {
  engine: Pick<Engine, 'busyWith'>;
  /** Services of this machine as they were last looked at. */
  known(): Iterable<Service>;
  trafficOf(id: string): Traffic;
  /** What knot.yaml and the plan of an owner say, in seconds. */
  idleSecondsOf(owner: Service['owner']): Promise<readonly (number | undefined)[]>;
  writeUse(service: Service, lastUsedAt: number): Promise<void>;
  sleep(service: Service): Promise<unknown>;
  /** Other gateways that people come through, where there may be some: the one that leads puts to sleep. */
  others?: {
    leads(): boolean;
    /** As any of them wrote it down. */
    lastUseOf(service: Service): Promise<number | undefined>;
  };
  clock: Clock;
  log: Log;
}): Resting {
  const { engine, known, trafficOf, idleSecondsOf, writeUse, sleep, others, clock, log } = options;
  const working = new Map<string, { what: string; at: number }>();
  let loop: ReturnType<typeof every> | undefined;

  const idleOf = async ({ owner, template }: Service): Promise<number> =>
    smallestIdle(template.plan.rest?.idleSeconds, ...(await idleSecondsOf(owner)));

  /** As it is written down, or was seen since. */
  function lastUseOf({ id, lastUsedAt = 0 }: Service): number | undefined {
    const { lastAt } = trafficOf(id).use;
    const seen = lastAt === 0 ? 0 : Math.round(clock.now() - (performance.now() - lastAt));
    return Math.max(lastUsedAt, seen) || undefined;
  }

  /** How much later than the one that is written down a use may be. Among several gateways a short time to sleep asks for more writes. */
  const lateWrite = (idleSeconds: number): number =>
    others && idleSeconds > 0 ? Math.min(writeMs, (idleSeconds * 1000) / 3) : writeMs;

  async function look(service: Service): Promise<void> {
    const { id, keptUntil, since: readySince } = service;
    let lastUsedAt = lastUseOf(service);
    const idleSeconds = await idleOf(service);
    const lateMs = lateWrite(idleSeconds);
    if (lastUsedAt !== undefined && lastUsedAt - (service.lastUsedAt ?? 0) >= lateMs)
      await writeUse(service, lastUsedAt);
    if (others?.leads() === false) return void working.delete(id);
    let due = sleepsAt({ idleSeconds, readySince, lastUsedAt, keptUntil });
    if (others && due !== undefined && clock.now() >= due) {
      lastUsedAt = Math.max(lastUsedAt ?? 0, (await others.lastUseOf(service)) ?? 0) || undefined;
      // What others have not written down yet, and could not have by now.
      due = sleepsAt({ idleSeconds, readySince, lastUsedAt, keptUntil })! + lateMs + sweepMs;
    }
    if (due === undefined || clock.now() < due) return void working.delete(id);
    const before = working.get(id);
    if (before !== undefined && clock.now() < before.at + askAgainMs) return;
    const what = await engine.busyWith(service);
    if (what !== undefined) return void working.set(id, { what, at: clock.now() });
    working.delete(id);
    // Whoever waits for the result has the whole time to come back, from the end of the work.
    if (before !== undefined) return writeUse(service, before.at);
    // Asking took time, in which somebody may have come.
    if ((lastUseOf(service) ?? 0) <= (lastUsedAt ?? 0) + toleranceMs) await sleep(service);
  }

  async function sweep(): Promise<void> {
    for (const service of [...known()]) {
      const { id, state, wish } = service;
      if (state !== 'ready' || wish !== 'running') {
        working.delete(id);
        continue;
      }
      const { quiet = [], sockets } = service.template.plan.rest ?? {};
      const { use } = trafficOf(id);
      use.quietPaths = quiet;
      use.isKeptByConnections = sockets === 'open';
      await look(service).catch((error: unknown) =>
        log.error({ err: error, service: id }, 'whether a service is in use could not be found out'),
      );
    }
  }

  return {
    async of(service) {
      const idleSeconds = await idleOf(service);
      if (idleSeconds === 0) return undefined;
      const { id, state, wish, keptUntil, since: readySince } = service;
      const lastUsedAt = lastUseOf(service);
      const isAwake = state === 'ready' && wish === 'running';
      const work = isAwake ? working.get(id)?.what : undefined;
      const due = isAwake && !work ? sleepsAt({ idleSeconds, readySince, lastUsedAt, keptUntil }) : undefined;
      return {
        idleSeconds,
        ...(lastUsedAt !== undefined && { lastUsedAt }),
        ...(due !== undefined && { sleepsAt: due }),
        ...(keptUntil !== undefined && keptUntil > clock.now() && { keptUntil }),
        ...(work !== undefined && { busyWith: work }),
      };
    },
    sweep,
    start: () =>
      void (loop = every(sweepMs, sweep, { log, complaint: 'looking for services that nobody uses failed' })),
    async close() {
      await loop?.stop();
    },
  };
}

/** Two clocks are compared, of which one counts in whole milliseconds. */
const toleranceMs = 5;
