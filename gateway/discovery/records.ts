import type { Kysely } from 'kysely';
import type { Row, Tables } from '../store/index.ts';
import type { Address } from './address.ts';

type Database = Kysely<Tables>;

/** Those of some owners, by what asks for them. */
export async function addressesOf(db: Database, ownerIds: readonly string[]): Promise<Address[]> {
  if (ownerIds.length === 0) return [];
  const rows = db.selectFrom('discovered_addresses').selectAll().where('owner_id', 'in', ownerIds);
  return (await rows.orderBy('id').execute()).map(addressOf);
}

export async function addressesIn(db: Database, namespace: string): Promise<Address[]> {
  const rows = db.selectFrom('discovered_addresses').selectAll().where('namespace', '=', namespace);
  return (await rows.orderBy('id').execute()).map(addressOf);
}

/** Everybody's, by what asks for them. */
export async function allAddresses(db: Database): Promise<Address[]> {
  return (await db.selectFrom('discovered_addresses').selectAll().orderBy('id').execute()).map(addressOf);
}

export async function writeAddress(db: Database, address: Address): Promise<void> {
  const { id, owner, namespace, object, host, name, state, reason, since } = address;
  const values = {
    ...{ namespace, object, state, since },
    ...{ host: host ?? null, name: name ?? null, reason: reason ?? null },
    ...{ owner_id: owner.id, owner_kind: owner.kind, owner_name: owner.name },
  };
  const insert = db.insertInto('discovered_addresses').values({ id, ...values });
  await insert.onConflict((conflict) => conflict.column('id').doUpdateSet(values)).execute();
}

export async function deleteAddress(db: Database, id: string): Promise<void> {
  await db.deleteFrom('discovered_addresses').where('id', '=', id).execute();
}

function addressOf(row: Row<'discovered_addresses'>): Address {
  const { id, namespace, object, host, name, state, reason, since } = row;
  return {
    ...{ id, namespace, object, since },
    owner: { kind: row.owner_kind as Address['owner']['kind'], id: row.owner_id, name: row.owner_name },
    ...{ host: host ?? undefined, name: name ?? undefined, reason: reason ?? undefined },
    state: state as Address['state'],
  };
}
