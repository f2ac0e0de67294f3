import type { Provider } from 'oidc-provider';
import { type AuditEntry, type Clock, every, type Log, newId } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';

export type LogoutNotice = { clientId: string; accountId: string; sid: string | undefined };

/** Sends one logout token; rejects when the client did not take it. */
export type SendLogout = (provider: Provider, notice: LogoutNotice) => Promise<'sent' | 'unwanted'>;

export type LogoutNotices = {
  /** Notes, inside the transaction that ends a session, which clients must hear of it. */
  add(transaction: Transaction, notices: readonly LogoutNotice[]): Promise<void>;
  /** Starts to deliver what is due, in the background. */
  wake(): void;
  /** Tries everything that is due by the clock, once each. */
  deliver(): Promise<void>;
  close(): Promise<void>;
};

/** After the first, second, … failed attempt. A client that is away for an hour and a half has missed it. */
const pausesMs = [5_000, 30_000, 2 * 60_000, 10 * 60_000, 3600_000];
/** An attempt whose process died is made again after this. */
const leaseMs = 30_000;
const pollMs = 5_000;
const batch = 20;

/**
 * Back-channel logout (OpenID Connect Back-Channel Logout 1.0, section 2.5) that survives: what a client must hear is written in
 * the transaction that ends the session, is tried with growing pauses by whichever process comes first, and its outcome is
 * audited. Nobody waits for a client.
 */
export function createLogoutNotices(options: {
  store: Store;
  clock: Clock;
  provider(): Provider;
  send: SendLogout;
  usernameOf(accountId: string): Promise<string | undefined>;
  audit: { append(entry: AuditEntry): Promise<void> };
  log: Log;
}): LogoutNotices {
  const { store, clock, provider, send, usernameOf, audit, log } = options;
  let running: Promise<void> | undefined;
  let isWoken = false;
  let isClosed = false;

  async function claim(row: Row<'oidc_logout_notices'>): Promise<boolean> {
    const { numUpdatedRows } = await store.db
      .updateTable('oidc_logout_notices')
      .set({ attempts: row.attempts + 1, due_at: clock.now() + leaseMs })
      .where('id', '=', row.id)
      .where('attempts', '=', row.attempts)
      .where('due_at', '=', row.due_at)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async function attempt(row: Row<'oidc_logout_notices'>): Promise<void> {
    if (!(await claim(row))) return;
    const notice = { clientId: row.client_id, accountId: row.account_id, sid: row.sid ?? undefined };
    const attempts = row.attempts + 1;
    try {
      const outcome = await send(provider(), notice);
      await finish(row);
      if (outcome === 'sent') await record(notice, attempts, 'done');
    } catch (error) {
      log.warn({ err: error, clientId: notice.clientId, attempts }, 'a client did not accept the back-channel logout');
      const pause = pausesMs[row.attempts];
      if (pause === undefined) {
        await finish(row);
        await record(notice, attempts, 'refused');
        return;
      }
      const due = store.db.updateTable('oidc_logout_notices').set({ due_at: clock.now() + pause });
      await due.where('id', '=', row.id).execute();
    }
  }

  async function finish(row: Row<'oidc_logout_notices'>): Promise<void> {
    await store.db.deleteFrom('oidc_logout_notices').where('id', '=', row.id).execute();
  }

  async function record({ clientId, accountId }: LogoutNotice, attempts: number, outcome: AuditEntry['outcome']) {
    await audit.append({
      action: 'client.logout-told',
      actor: 'system',
      subject: `client:${clientId}`,
      outcome,
      detail: { user: (await usernameOf(accountId)) ?? accountId, attempts },
    });
  }

  async function deliver(): Promise<void> {
    for (;;) {
      const due = store.db.selectFrom('oidc_logout_notices').selectAll().where('due_at', '<=', clock.now());
      const rows = await due.orderBy('due_at').limit(batch).execute();
      if (rows.length === 0 || isClosed) return;
      await Promise.all(rows.map(attempt));
    }
  }

  function wake(): void {
    isWoken = true;
    running ??= (async () => {
      while (isWoken && !isClosed) {
        isWoken = false;
        await deliver().catch((error: unknown) => log.error({ err: error }, 'telling clients of a sign-out failed'));
      }
      running = undefined;
    })();
  }

  const polling = every(pollMs, wake, { log, complaint: 'telling clients of a sign-out failed', jitter: 0.1 });

  return {
    async add({ db }, notices) {
      if (notices.length === 0) return;
      const rows = notices.map(({ clientId, accountId, sid }) => ({
        id: newId(),
        client_id: clientId,
        account_id: accountId,
        sid: sid ?? null,
        attempts: 0,
        due_at: clock.now(),
      }));
      await db.insertInto('oidc_logout_notices').values(rows).execute();
    },
    wake,
    deliver,
    async close() {
      isClosed = true;
      await polling.stop();
      await running;
    },
  };
}
