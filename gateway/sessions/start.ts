import { type AuditEntry, type Clock, hashSecret, newId, newSecret, type Session } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import type { SessionCache } from './cache.ts';
import { describeDevice } from './device.ts';
import { noteRenewed } from './ended.ts';
import { findCentral, insertSession, renewCentral, sessionOf } from './records.ts';

/** Who was verified, and against which version of the credential (`User` of accounts). */
export type Verified = { id: string; username: string; credentialVersion: number };

/** What sessions ask of the accounts, inside a transaction that they then hold; given by `app/facts.ts` from `accounts`. */
export type AccountGuard = {
  /** Whether the account is active and its credential still the verified one; notes the sign-in. */
  admit(transaction: Transaction, user: Verified): Promise<boolean>;
  /** Whether the account is active. */
  holdActive(transaction: Transaction, userId: string): Promise<boolean>;
};

export type SignIn = {
  user: Verified;
  device: string;
  address: string;
  /**
   * The Cookie header of this browser. A live session of the same person in it goes on under the new secret, with the tools that
   * are open in it, also where the browser shows an earlier secret of it; one of somebody else ends. Either way the secret that was shown is worth nothing afterwards (fixation, C5).
   */
  cookie?: string | undefined;
  /** What else is true once the session exists, in the same transaction. */
  also?: ((transaction: Transaction) => Promise<void>) | undefined;
};

type Central = Row<'sessions'>;

type Parts = {
  store: Store;
  clock: Clock;
  absoluteMs: number;
  cache: SessionCache;
  find: (cookieHeader: string | undefined, host: string) => Promise<Session | null>;
  findFormer: (cookieHeader: string | undefined) => Promise<Session | null>;
  endCentral: (transaction: Transaction, central: Central, by: { actor: string; reason: string }) => Promise<void>;
  record: (transaction: Transaction, entry: AuditEntry) => Promise<void>;
  account: Pick<AccountGuard, 'admit'>;
};

/** `start` of `Sessions`: what a right password is turned into. */
export function createStart({ store, clock, absoluteMs, cache, find, findFormer, endCentral, record, account }: Parts) {
  return async function start({
    user,
    device,
    address,
    cookie,
    also,
  }: SignIn): Promise<{ secret: string; session: Session } | undefined> {
    const shown = (await find(cookie, '')) ?? (await findFormer(cookie));
    const secret = newSecret();
    const now = clock.now();
    const renewed = {
      secret_hash: hashSecret(secret),
      device: describeDevice(device),
      address,
      authenticated_at: now,
      last_seen_at: now,
      expires_at: now + absoluteMs,
    };
    const row = await store.transaction(async (transaction) => {
      if (!(await account.admit(transaction, user))) return undefined;
      const old = shown ? await findCentral(transaction.db, shown.centralId) : undefined;
      const goesOn = old?.user_id === user.id;
      if (goesOn) await renew(transaction, old, renewed);
      const id = goesOn ? old.id : newId();
      const startedAt = goesOn ? old.started_at : now;
      const row = { ...renewed, id, central_id: id, host: '', user_id: user.id, started_at: startedAt };
      if (!goesOn) await insertSession(transaction.db, row);
      await also?.(transaction);
      transaction.announce({ topic: 'sign-ins', key: user.id });
      if (old && old.user_id !== user.id) {
        await endCentral(transaction, old, { actor: user.username, reason: 'signed_in_again' });
      }
      await record(transaction, {
        action: 'session.started',
        actor: user.username,
        subject: `session:${id}`,
        outcome: 'done',
        address,
        detail: { device: row.device, ...(goesOn && { again: true }) },
      });
      return row;
    });
    if (!row) return undefined;
    const session = sessionOf(row);
    cache.put(secret, session, now);
    return { secret, session };
  };

  /** Of two sign-ins at once the later secret counts; who shows the other one is led back to the same session by signing in again. */
  async function renew(
    transaction: Transaction,
    central: Central,
    renewed: Parameters<typeof renewCentral>[2],
  ): Promise<void> {
    await renewCentral(transaction.db, central.id, renewed);
    await noteRenewed(transaction.db, central);
    transaction.announce({ topic: 'sessions', key: `${central.id}//${central.secret_hash}` });
  }
}
