import type { Transaction } from '../store/index.ts';

/** Why a person lost what they had; the word stands in the audit record of every session that ends by it. */
export type LossReason = 'account_disabled' | 'account_deleted' | 'password_reset' | 'password_changed';

export type Loss = {
  userId: string;
  reason: LossReason;
  /** Who caused it, for the audit record. */
  actor: string;
  /** The central session that goes on: the one in which a person changes the password. */
  exceptSessionId?: string | undefined;
  /** The person wants the connected applications to go on; what they stand on is not the password. */
  keepsConnections?: boolean | undefined;
};

/** What goes on although the rest ends. */
export type Kept = Pick<Loss, 'exceptSessionId' | 'keepsConnections'>;

/**
 * Ends what a person has by virtue of an account or a password that is gone, inside the transaction that takes it away.
 * Given by `app/facts.ts`: what ends a right is told in one place, and is done or not done as a whole.
 */
export type OnLoss = (transaction: Transaction, loss: Loss) => Promise<void>;

/**
 * The one act behind "disabled means signed out" and "a new password ends the sessions of the old one". To be called after the
 * row of the user was written: on PostgreSQL a session that begins at the same time holds that row (`admit`), so it is either
 * committed before and ended here, or begins afterwards and finds the version changed. Open reset links go as well: they were
 * made for the credential that is replaced.
 */
export async function lose(
  scope: Transaction & { actor: string; onLoss: OnLoss },
  userId: string,
  reason: LossReason,
  kept: Kept = {},
): Promise<void> {
  await scope.db
    .updateTable('users')
    .set(({ eb }) => ({ credential_version: eb('credential_version', '+', 1) }))
    .where('id', '=', userId)
    .execute();
  const links = await scope.db
    .deleteFrom('links')
    .where('kind', '=', 'reset')
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .returning('id')
    .execute();
  for (const { id } of links) scope.announce({ topic: 'links', key: id });
  await scope.onLoss(scope, { userId, reason, actor: scope.actor, ...kept });
}

/** Who signed in, and against which version of the credential it was checked. */
export type Verified = { id: string; credentialVersion: number };

/**
 * Holds an account for the transaction that begins a session: true when it is active and still has the credential that was
 * checked. The same statement notes the sign-in, so that reading, comparing and locking are one (PostgreSQL 13.2.1: an UPDATE
 * that waited for another looks at the row again).
 */
export async function admit({ db }: Transaction, { id, credentialVersion }: Verified, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('users')
    .set({ last_sign_in_at: now })
    .where('id', '=', id)
    .where('credential_version', '=', credentialVersion)
    .where('state', '=', 'active')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Holds the account of somebody who is signed in, for the transaction that derives a further right from that. */
export async function holdActive({ db }: Transaction, id: string, kind: 'sqlite' | 'postgres'): Promise<boolean> {
  const query = db.selectFrom('users').select('id').where('id', '=', id).where('state', '=', 'active');
  // SQLite has one writer; PostgreSQL must keep a loss from being committed in between.
  const row = await (kind === 'postgres' ? query.forShare() : query).executeTakeFirst();
  return row !== undefined;
}
