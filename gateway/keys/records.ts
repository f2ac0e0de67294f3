import { claimSetting, readSetting, type Row, type Store, type Transaction } from '../store/index.ts';
import type { GeneratedKey } from './generate.ts';

export type SigningKeyRow = Row<'signing_keys'>;

const generationSetting = 'keys.generation';

/** Published keys, oldest first. By age and not by `active_from`: of two hand-overs the one decided last must win. */
export async function readKeys(store: Store, now: number): Promise<SigningKeyRow[]> {
  return await store.db
    .selectFrom('signing_keys')
    .selectAll()
    .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', now)]))
    .orderBy('created_at')
    .orderBy('active_from')
    .orderBy('kid')
    .execute();
}

/** How many times keys were made on this store; 0 before the first time. */
export async function readGeneration(store: Store): Promise<number> {
  return Number((await readSetting(store.db, generationSetting)) ?? 0);
}

/** Claims the right to make generation `from + 1`: of any number of processes that try at once exactly one gets true. */
export function claimGeneration({ db }: Transaction, from: number): Promise<boolean> {
  return claimSetting(db, generationSetting, { from: from === 0 ? undefined : String(from), to: String(from + 1) });
}

export async function insertKeys(
  transaction: Transaction,
  keys: readonly GeneratedKey[],
  times: { createdAt: number; activeFrom: number },
): Promise<void> {
  await transaction.db
    .insertInto('signing_keys')
    .values(
      keys.map((key) => ({
        kid: key.kid,
        algorithm: key.algorithm,
        private_jwk: JSON.stringify(key.privateJwk),
        created_at: times.createdAt,
        active_from: times.activeFrom,
        expires_at: null,
      })),
    )
    .execute();
}

/** Gives every current key an end, and removes the rows whose end has passed. */
export async function retireKeys(transaction: Transaction, now: number, expiresAt: number): Promise<void> {
  await transaction.db.deleteFrom('signing_keys').where('expires_at', '<=', now).execute();
  await transaction.db
    .updateTable('signing_keys')
    .set({ expires_at: expiresAt })
    .where('expires_at', 'is', null)
    .execute();
}
