import { LRUCache } from 'lru-cache';
import {
  type AuthorizationRequest,
  type Clock,
  dayMs,
  type Decision,
  every,
  groupsOf,
  type Log,
  newShortId,
} from '../lib/index.ts';
import type { NewRow, Store } from '../store/index.ts';
import { findDenial, insertDenials, pruneDenials } from './records.ts';

/** A refusal with all that the policies knew. */
export type Denial = {
  id: string;
  /** Epoch milliseconds. */
  at: number;
  /** Title of what was asked for. */
  route: string;
  request: AuthorizationRequest;
  decision: Decision;
};

export type Denials = {
  /**
   * Takes a refusal and returns its id for the page, at once: it is written later. The same refusal within a minute has the
   * same id. Somebody who is refused again and again gets ids that are not kept.
   */
  note(denial: Omit<Denial, 'id' | 'at'>): string;
  /** Undefined when the id is unknown, too old, or was not kept. */
  find(id: string): Promise<Denial | undefined>;
  /** Writes what waits; called by a timer and by tests. */
  flush(): Promise<void>;
  /** Removes what is older than a day or too many; called by a timer and by tests. */
  prune(): Promise<void>;
  close(): Promise<void>;
};

/** As `newShortId` makes them. */
export const denialIdPattern = /^[0-9abcdefghjkmnpqrstvwxyz]{16}$/;

const sameMs = 60_000;
const flushMs = 1_000;
const pruneMs = 10 * 60_000;
const maxRows = 20_000;
/** Rows of one write; what comes beyond in a second is not kept. */
const maxWaiting = 20;
/** A person's refusals that are kept: so many at once, then one each half a minute. */
const personBurst = 60;
const personRefillMs = 30_000;
const maxPeople = 10_000;
const maxSame = 5_000;
/** Texts come from requests; what is shown of them need not be longer. */
const maxText = 1_024;
const maxTeams = 200;
const maxRules = 50;

type Budget = { left: number; at: number };

/** Makes the service, with two loops: writing, pruning. */
export function createDenials({ store, clock, log }: { store: Store; clock: Clock; log: Log }): Denials {
  const same = new LRUCache<string, { id: string; at: number }>({ max: maxSame });
  const budgets = new LRUCache<string, Budget>({ max: maxPeople });
  const waiting = new Map<string, Denial>();
  let writing: Promise<void> = Promise.resolve();

  function takeBudget(personId: string, now: number): boolean {
    const budget = budgets.get(personId) ?? { left: personBurst, at: now };
    const refill = Math.max(0, (now - budget.at) / personRefillMs);
    const left = Math.min(personBurst, budget.left + refill);
    budgets.set(personId, { left: left >= 1 ? left - 1 : left, at: now });
    return left >= 1;
  }

  async function write(): Promise<void> {
    const batch = [...waiting.values()];
    if (batch.length === 0) return;
    await insertDenials(store.db, batch.map(rowOf));
    for (const { id } of batch) waiting.delete(id);
  }

  function flush(): Promise<void> {
    writing = writing.then(write).catch((error: unknown) => {
      log.warn({ err: error, waiting: waiting.size }, 'refusals could not be written; tried again');
    });
    return writing;
  }

  const prune = (): Promise<void> => pruneDenials(store.db, clock.now() - dayMs, maxRows);
  const flushing = every(flushMs, flush, { log, complaint: 'writing refusals failed' });
  const pruning = every(pruneMs, prune, { log, complaint: 'removing old refusals failed', jitter: 0.1 });

  return {
    note(denial) {
      const now = clock.now();
      const key = keyOf(denial);
      const known = same.get(key);
      if (known !== undefined && now - known.at < sameMs) return known.id;
      const id = newShortId();
      if (waiting.size >= maxWaiting || !takeBudget(denial.request.principal.id, now)) return id;
      same.set(key, { id, at: now });
      waiting.set(id, { ...denial, id, at: now });
      return id;
    },
    async find(id) {
      if (!denialIdPattern.test(id)) return undefined;
      const unwritten = waiting.get(id);
      if (unwritten !== undefined) return unwritten;
      const row = await findDenial(store.db, id, clock.now() - dayMs);
      return row && { ...(JSON.parse(row.detail) as Omit<Denial, 'id' | 'at'>), id, at: row.at };
    },
    flush,
    prune,
    async close() {
      await Promise.all([flushing.stop(), pruning.stop()]);
      await flush();
    },
  };
}

function keyOf({ request: { principal, action, resource, context }, decision }: Omit<Denial, 'id' | 'at'>): string {
  const path = context.path.slice(0, maxText);
  const parts = [
    principal.id,
    principal.version,
    action,
    resource.type,
    resource.id,
    context.method,
    context.host,
    path,
  ];
  return JSON.stringify([...parts, context.address, decision.policyVersion]);
}

function rowOf({ id, at, route, request, decision }: Denial): NewRow<'denials'> {
  const { principal, context } = request;
  const teams = principal.teams.slice(0, maxTeams);
  const names = teams.map(({ name }) => name);
  const kept: Omit<Denial, 'id' | 'at'> = {
    route,
    request: {
      ...request,
      principal: { ...principal, teams, groups: groupsOf(principal.username, principal.isAdmin, names) },
      context: { ...context, path: context.path.slice(0, maxText), method: context.method.slice(0, 40) },
    },
    decision: { ...decision, rules: decision.rules.slice(0, maxRules) },
  };
  return { id, at, detail: JSON.stringify(kept) };
}
