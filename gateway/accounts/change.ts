import { sql } from 'kysely';
import type { AuditEntry, Clock } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import type { OnLoss } from './loss.ts';
import type { Actor, RecordAudit } from './model.ts';

/** What an act of this module may do besides its own SQL. */
export type ChangeScope = Transaction & {
  /** Milliseconds since the epoch, the same throughout the transaction. */
  now: number;
  /** Who causes the change. */
  actor: string;
  onLoss: OnLoss;
  /** Names what was done; written as the last statement of the transaction. */
  audit(action: string, subject: string, detail?: AuditEntry['detail']): void;
};

export type Change = <T>(actor: Actor, work: (scope: ChangeScope) => Promise<T>) => Promise<T>;

/** Key of the advisory lock: any constant no other lock of the database uses. */
const accountsLock = 0x6b6e_6f02;

/**
 * The one way this module changes anything. Changes wait for one another, because rules such as "one admin remains" and
 * "one link per person" are about several rows: on SQLite by `begin immediate`, on PostgreSQL by an advisory lock.
 */
export function createChange({
  store,
  clock,
  record,
  onLoss,
}: {
  store: Store;
  clock: Clock;
  record: RecordAudit;
  onLoss: OnLoss;
}): Change {
  return (actor, work) =>
    store.transaction(async (transaction) => {
      if (store.kind === 'postgres') await sql`select pg_advisory_xact_lock(${accountsLock})`.execute(transaction.db);
      const entries: AuditEntry[] = [];
      const result = await work({
        ...transaction,
        now: clock.now(),
        actor: actor.name,
        onLoss,
        audit: (action, subject, detail) =>
          void entries.push({
            action,
            actor: actor.name,
            subject,
            outcome: 'done',
            ...(actor.address === undefined ? {} : { address: actor.address }),
            ...(detail === undefined ? {} : { detail }),
          }),
      });
      for (const entry of entries) await record(transaction, entry);
      return result;
    });
}
