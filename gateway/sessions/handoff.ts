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

export type RedeemedCode = { secret: string; session: Session; next: string };

type Parts = {
  store: Store;
  clock: Clock;
  cache: SessionCache;
  /** Whether a session lives and its person is active; held until the transaction ends. */
  hold: (transaction: Transaction, session: Pick<Session, 'centralId' | 'userId'>) => Promise<boolean>;
  record: (transaction: Transaction, entry: AuditEntry) => Promise<void>;
};

/**
 * The exchange that signs a browser in on a service host (DESIGN.md section 4.3): the main host issues a code for one host and
 * one browser, the service host redeems it once within 60 s for a session of its own.
 */
export function createHandoff({ store, clock, cache, hold, record }: Parts) {
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

  async function redeem(
    code: string,
    handoff: { host: string; binding: string; device: string; address: string },
  ): Promise<RedeemedCode | undefined> {
    if (!secretPattern.test(code)) return undefined;
    const codeHash = hashSecret(code);
    const redeemed = await store.transaction(async (transaction) => {
      const row = await findCode(transaction.db, codeHash);
      if (!row) return undefined;
      // A code is burned by whoever shows it, also on the wrong host: it has left the browser it was meant for.
      if (!(await useCode(transaction.db, codeHash, clock.now())))
        return refuseReplay(transaction, row, handoff.address);
      const problem = problemOf(row, handoff);
      if (problem) return refuse(transaction, row, problem, handoff.address);
      const central = await findCentral(transaction.db, row.session_id);
      if (!central || !(await hold(transaction, { centralId: central.id, userId: central.user_id }))) return undefined;
      return { next: row.next, ...(await startHostSession(transaction, central, codeHash, handoff)) };
    });
    if (redeemed) cache.put(redeemed.secret, redeemed.session, clock.now());
    return redeemed;
  }

  function problemOf(row: Row<'handoff_codes'>, handoff: { host: string; binding: string }): string | undefined {
    const remainingMs = row.expires_at - clock.now();
    if (row.host !== handoff.host) return 'other_host';
    if (!equalSecrets(row.binding, handoff.binding)) return 'other_browser';
    return remainingMs <= 0 || remainingMs > codeLifetimeMs + codeLifetimeMs ? 'expired' : undefined;
  }

  async function startHostSession(
    transaction: Transaction,
    central: Row<'sessions'>,
    codeHash: string,
    { host, device, address }: { host: string; device: string; address: string },
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
    for (const { id } of older.slice(maxPerHost - 1)) await endHostSession(transaction, central.id, id);
    return { secret, session: sessionOf(row) };
  }

  async function refuseReplay(
    transaction: Transaction,
    row: Row<'handoff_codes'>,
    address: string,
  ): Promise<undefined> {
    // Read again: of two at the same time the slower one saw the row before the faster one wrote what it made.
    const used = await findCode(transaction.db, row.code_hash);
    if (used?.made_session_id) await endHostSession(transaction, row.session_id, used.made_session_id);
    return refuse(transaction, row, 'replayed', address);
  }

  async function refuse(
    transaction: Transaction,
    row: Row<'handoff_codes'>,
    reason: string,
    address: string,
  ): Promise<undefined> {
    await record(transaction, {
      action: 'session.code_refused',
      actor: 'anonymous',
      subject: `session:${row.session_id}`,
      outcome: 'refused',
      address,
      detail: { reason, host: row.host },
    });
    return undefined;
  }

  async function endHostSession(transaction: Transaction, centralId: string, id: string): Promise<void> {
    if (await deleteHostSession(transaction.db, id))
      transaction.announce({ topic: 'sessions', key: `${centralId}/${id}` });
  }

  return { issue, redeem };
}
