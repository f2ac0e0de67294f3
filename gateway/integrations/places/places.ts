import {
  type AuditEntry,
  type Clock,
  type ComponentHealth,
  createKeyedQueue,
  KnotError,
  listNames,
  type Log,
} from '../../lib/index.ts';
import type { Store, Transaction } from '../../store/index.ts';
import type { Integration, ToolOwner } from '../integration.ts';
import type { ToolPlace } from './place.ts';
import * as records from './records.ts';

export type ToolPlaces = {
  /** What somebody has in every tool. */
  of(ownerId: string): Promise<ToolPlace[]>;
  /** Looks at somebody in every tool soon; without one at everybody. */
  ask(ownerId?: string): void;
  /** Somebody signs in at a tool: one that did not know them will in a moment. */
  arrived(ownerId: string, tool: string): void;
  health(): ComponentHealth[];
  /** Until then nothing is looked at. */
  start(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  close(): Promise<void>;
};

export type ToolOwners = {
  /** Ids of everybody who may have something in a tool. */
  ids(): Promise<string[]>;
  /** Undefined for who is no more, or was never let in. */
  find(id: string): Promise<ToolOwner | undefined>;
  /** Ids of the teams somebody is in. */
  teamsOf(id: string): Promise<string[]>;
};

/** Looks at everybody again: what was changed by hand in a tool is put right. */
const sweepMs = 10 * 60_000;
const atOnce = 4;
/** A tool makes somebody its own a moment after it heard who they are. */
const arrival = { looks: 5, everyMs: 500 };

/**
 * Keeps what people and teams have in tools equal to what is wanted: on each change of an owner, and again and again. Each owner in each
 * tool by itself, so that a tool that is away holds up no other. Every gateway of an installation may do it: twice is as once.
 */
export function createToolPlaces(options: {
  tools: readonly Pick<Integration, 'name' | 'title' | 'provide'>[];
  owners: ToolOwners;
  store: Store;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  clock: Clock;
  log: Log;
  sweepMs?: number;
  pauses?: { firstMs: number; mostMs: number };
}): ToolPlaces {
  const { owners, store, record, clock, log, pauses = { firstMs: 5_000, mostMs: 10 * 60_000 } } = options;
  const tools = new Map(options.tools.filter(({ provide }) => provide !== undefined).map((tool) => [tool.name, tool]));
  const failing = new Map<string, Map<string, { name: string; cause: string }>>();
  /** How often a tool is still asked about who has just come to it. */
  const arriving = new Map<string, number>();
  let isAtWork = false;
  const queue = createKeyedQueue({
    work: look,
    ...{ log, atOnce, pauses, complaint: 'what an owner has in a tool could not be brought about' },
    resync: { ms: options.sweepMs ?? sweepMs, keys: everything },
  });
  const stops =
    tools.size === 0
      ? []
      : [
          store.onChange('users', ask),
          store.onChange('teams', ask),
          store.onChange('plans', ask),
          store.onGap(() => ask()),
        ];

  function ask(ownerId?: string): void {
    if (!isAtWork) return;
    if (ownerId !== undefined) {
      for (const name of tools.keys()) queue.add(keyOf(name, ownerId));
      return;
    }
    everything().then(
      (keys) => keys.forEach(queue.add),
      (error: unknown) => log.error({ err: error }, 'owners of things in tools could not be listed'),
    );
  }

  /** Who is there, and who has something left of a time when they were. */
  async function everything(): Promise<string[]> {
    if (!isAtWork || tools.size === 0) return [];
    const [ids, places] = await Promise.all([owners.ids(), records.toolPlaces(store.db)]);
    const keys = new Set(places.filter(({ tool }) => tools.has(tool)).map(({ tool, owner }) => keyOf(tool, owner.id)));
    for (const id of ids) for (const name of tools.keys()) keys.add(keyOf(name, id));
    return [...keys];
  }

  async function look(key: string): Promise<number | void> {
    const [name, ownerId] = partsOf(key);
    const tool = tools.get(name);
    if (!isAtWork || tool === undefined) return;
    const wanted = await owners.find(ownerId);
    const before = await records.findToolPlace(store.db, name, ownerId);
    // Who is disabled and never had anything gets nothing.
    if (before === undefined && (wanted === undefined || wanted.isPaused)) return;
    const owner = wanted ?? { ...before!.owner, title: before!.owner.name, isPaused: true, isGone: true as const };
    try {
      if ((await tool.provide!(owner)) === 'unknown') return lookOnceMore(key);
      // The teams of who was not known could not have them in it.
      if (arriving.delete(key)) for (const id of await owners.teamsOf(ownerId)) queue.add(keyOf(name, id));
    } catch (error) {
      const cause = causeOf(error, tool.title);
      failuresOf(name).set(ownerId, { name: owner.name, cause });
      await note({ tool: name, owner: partOf(owner), state: 'failed', cause, since: clock.now() }, before);
      throw error;
    }
    failuresOf(name).delete(ownerId);
    if (wanted === undefined) return forget(before!);
    await note({ tool: name, owner: partOf(owner), state: 'ready', since: clock.now() }, before);
  }

  function lookOnceMore(key: string): number | void {
    const left = arriving.get(key) ?? 0;
    if (left > 1) arriving.set(key, left - 1);
    else arriving.delete(key);
    if (left > 0) return arrival.everyMs;
  }

  const failuresOf = (tool: string): Map<string, { name: string; cause: string }> => {
    const known = failing.get(tool) ?? new Map<string, { name: string; cause: string }>();
    failing.set(tool, known);
    return known;
  };

  async function note(place: ToolPlace, before: ToolPlace | undefined): Promise<void> {
    const isSame =
      before?.state === place.state && before.cause === place.cause && before.owner.name === place.owner.name;
    if (isSame) return;
    await store.transaction(async (transaction) => {
      await records.writeToolPlace(transaction.db, place);
      if (place.state !== before?.state) await record(transaction, entryOf(`tool.place.${place.state}`, place));
      transaction.announce({ topic: 'places', key: place.owner.id });
    });
  }

  async function forget(place: ToolPlace): Promise<void> {
    await store.transaction(async (transaction) => {
      await records.deleteToolPlace(transaction.db, place.tool, place.owner.id);
      await record(transaction, entryOf('tool.place.removed', place));
      transaction.announce({ topic: 'places', key: place.owner.id });
    });
  }

  return {
    of: (ownerId) => records.toolPlaces(store.db, ownerId),
    ask,
    arrived(ownerId, tool) {
      if (!isAtWork || !tools.has(tool)) return;
      arriving.set(keyOf(tool, ownerId), arrival.looks);
      queue.add(keyOf(tool, ownerId));
    },
    health() {
      return [...tools.values()].flatMap(({ name, title }) => {
        const failures = [...failuresOf(name).values()];
        if (failures.length === 0) return [];
        const names = listNames(failures.map((failure) => failure.name).sort());
        const message = `${title}: what ${names} should have there is not as it should be. ${failures[0]!.cause}`;
        const remedy = `\`knot integrations check ${name}\` says what is wrong with it; Knot tries again by itself.`;
        return [{ name: `${name}:places`, title, status: 'warning' as const, message, remedy, isPersonal: true }];
      });
    },
    start() {
      isAtWork = true;
      ask();
    },
    idle: queue.idle,
    async close() {
      isAtWork = false;
      for (const stop of stops) stop();
      await queue.stop();
    },
  };
}

const keyOf = (tool: string, ownerId: string): string => `${tool} ${ownerId}`;
const partsOf = (key: string): [tool: string, ownerId: string] => key.split(' ', 2) as [string, string];
const partOf = ({ kind, id, name }: ToolOwner): ToolPlace['owner'] => ({ kind, id, name });

const entryOf = (action: string, { tool, owner, cause }: ToolPlace): AuditEntry => ({
  action,
  actor: 'system',
  subject: `${owner.kind}:${owner.name}`,
  outcome: 'done',
  detail: { tool, ...(cause !== undefined && { cause }) },
});

/** What people may read of a failure: our own words, never those of a library. */
function causeOf(error: unknown, title: string): string {
  return error instanceof KnotError ? error.message : `${title} could not be asked.`;
}
