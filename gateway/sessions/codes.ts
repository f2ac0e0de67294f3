import { type AuditEntry, type Clock, equalSecrets, hashSecret, newId, newSecret, type Session } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import type { SessionCache } from './cache.ts';
import { describeDevice } from './device.ts';
import {
  deleteHostSession,
  findCentral,
  findCode,
  insertCode,
  insertSession,
  listHostSessions,
  noteMadeSession,
  sessionOf,
  useCode,
} from './records.ts';

const codeLifetimeMs = 60_000;
const maxPerHost = 5;
const secretPattern = /^[A-Za-z0-9_-]{43}$/;
const refused: Redemption = { kind: 'refused', next: undefined };

/** What came of a code that a browser showed on a service host. `next` is the path and query of that host it was issued for. */
export type Redemption =
  | { kind: 'started'; secret: string; session: Session; next: string }
  /** The browser shows a live session of this host and of the same sign-in: it simply goes on with that one. */
  | { kind: 'live'; next: string }
  /** Nothing is begun. With `next`, the browser may start anew towards there; without, the code says nothing about this host. */
  | { kind: 'refused'; next: string | undefined };

/** Who shows a code, and where. */
export type Visit = {
  host: string;
  /** Hashes of the random values in the browser's hand-off cookies. */
  bindings: readonly string[];
  /** Its Cookie header. */
  cookie?: string | undefined;
  device: string;
  address: string;
  /** Whether a stream is open in a host session: such a one is never ended to make room. */
  isInUse: (sessionId: string) => boolean;
};

type Parts = {
  store: Store;
  clock: Clock;
  cache: SessionCache;
  /** Whether a session lives and its person is active; held until the transaction ends. */
  hold: (transaction: Transaction, session: Pick<Session, 'centralId' | 'userId'>) => Promise<boolean>;
  find: (cookieHeader: string | undefined, host: string) => Promise<Session | null>;
  record: (transaction: Transaction, entry: AuditEntry) => Promise<void>;
};

/**
 * The exchange that signs a browser in on a service host (DESIGN.md section 4.3): the main host issues a code for one host and
 * one browser, the service host redeems it once within 60 s for a session of its own. A code that is refused still tells where it
 * was to lead: that is worth nothing to anybody, because who starts anew signs in with a sign-in of their own.
 */
export function createCodes({ store, clock, cache, hold, find, record }: Parts) {
  async function issue(session: Session, handoff: { host: string; binding: string; next: string }): Promise<string> {
    const code = newSecret();
    await insertCode(store.db, {
      code_hash: hashSecret(code),
      session_id: session.centralId,
      host: handoff.host,
      binding: handoff.binding,
      next: handoff.next,
      expires_at: clock.now() + codeLifetimeMs,
      used_at: null,
      made_session_id: null,
    });
    return code;
  }

  async function redeem(code: string, visit: Visit): Promise<Redemption> {
    if (!secretPattern.test(code)) return refused;
    const shown = await find(visit.cookie, visit.host);
    const codeHash = hashSecret(code);
    const redemption = await store.transaction<Redemption>(async (transaction) => {
      const row = await findCode(transaction.db, codeHash);
      if (!row) return refused;
      // A code is burned by whoever shows it, also on the wrong host: it has left the browser it was meant for.
      const isFirst = await useCode(transaction.db, codeHash, clock.now());
      const isHere = row.host === visit.host;
      if (isHere && shown?.centralId === row.session_id) return { kind: 'live', next: row.next };
      if (!isFirst) return refuseReplay(transaction, row, visit);
      const problem = isHere ? problemOf(row, visit) : 'other_host';
      if (problem) return refuse(transaction, row, problem, visit);
      const central = await findCentral(transaction.db, row.session_id);
      if (!central || !(await hold(transaction, { centralId: central.id, userId: central.user_id }))) {
        return { kind: 'refused', next: row.next };
      }
      return { kind: 'started', next: row.next, ...(await startHostSession(transaction, central, codeHash, visit)) };
    });
    if (redemption.kind === 'started') cache.put(redemption.secret, redemption.session, clock.now());
    return redemption;
  }

  function problemOf(row: Row<'handoff_codes'>, { bindings }: Visit): string | undefined {
    const remainingMs = row.expires_at - clock.now();
    if (!bindings.some((binding) => equalSecrets(row.binding, binding))) return 'other_browser';
    // One lifetime more than was given is for clocks of gateways that differ; beyond that one was set back.
    return remainingMs <= 0 || remainingMs > 2 * codeLifetimeMs ? 'expired' : undefined;
  }

  async function startHostSession(
    transaction: Transaction,
    central: Row<'sessions'>,
    codeHash: string,
    { host, device, address, isInUse }: Visit,
  ): Promise<{ secret: string; session: Session }> {
    const secret = newSecret();
    const now = clock.now();
    const row = {
      secret_hash: hashSecret(secret),
      id: newId(),
      central_id: central.id,
      host,
      user_id: central.user_id,
      device: describeDevice(device),
      address,
      started_at: now,
      authenticated_at: central.authenticated_at,
      last_seen_at: now,
      expires_at: central.expires_at,
    };
    await insertSession(transaction.db, row);
    await noteMadeSession(transaction.db, codeHash, row.id);
    const older = (await listHostSessions(transaction.db, central.id, host)).filter(({ id }) => id !== row.id);
    // Only room is made: nobody is told, so nothing that is under way in one of them is cut.
    for (const { id } of older.slice(maxPerHost - 1)) if (!isInUse(id)) await deleteHostSession(transaction.db, id);
    return { secret, session: sessionOf(row) };
  }

  async function refuseReplay(transaction: Transaction, row: Row<'handoff_codes'>, visit: Visit): Promise<Redemption> {
    // Read again: of two at the same time the slower one saw the row before the faster one wrote what it made.
    const used = await findCode(transaction.db, row.code_hash);
    if (used?.made_session_id) await endHostSession(transaction, row.session_id, used.made_session_id);
    return refuse(transaction, row, 'replayed', visit);
  }

  async function refuse(
    transaction: Transaction,
    row: Row<'handoff_codes'>,
    reason: string,
    { host, address }: Visit,
  ): Promise<Redemption> {
    await record(transaction, {
      action: 'session.code_refused',
      actor: 'anonymous',
      subject: `session:${row.session_id}`,
      outcome: 'refused',
      address,
      detail: { reason, host: row.host },
    });
    return { kind: 'refused', next: row.host === host ? row.next : undefined };
  }

  async function endHostSession(transaction: Transaction, centralId: string, id: string): Promise<void> {
    if (await deleteHostSession(transaction.db, id))
      transaction.announce({ topic: 'sessions', key: `${centralId}/${id}` });
  }

  return { issue, redeem };
}
