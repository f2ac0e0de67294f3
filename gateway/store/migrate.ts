import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { knotError } from '../lib/index.ts';
import * as init from './migrations/0001-init.ts';
import * as credentialVersion from './migrations/0002-credential-version.ts';
import * as knownPlaces from './migrations/0003-known-places.ts';
import * as emailProven from './migrations/0004-email-proven.ts';
import * as logoutNotices from './migrations/0005-logout-notices.ts';
import * as handOff from './migrations/0006-hand-off.ts';
import * as denials from './migrations/0007-denials.ts';
import * as wishedNames from './migrations/0008-wished-names.ts';
import * as formerSecrets from './migrations/0009-former-secrets.ts';
import * as files from './migrations/0012-files.ts';
import * as tokens from './migrations/0014-tokens.ts';
import * as sessionIndexes from './migrations/0015-session-indexes.ts';
import * as ownerPlans from './migrations/0016-owner-plans.ts';
import * as shares from './migrations/0017-shares.ts';
import * as uploadLocks from './migrations/0018-upload-locks.ts';
import * as lists from './migrations/0019-lists.ts';
import * as shareEnds from './migrations/0020-share-ends.ts';
import * as services from './migrations/0024-services.ts';
import * as fileLocks from './migrations/0025-file-locks.ts';
import * as serviceRest from './migrations/0026-service-rest.ts';
import * as serviceSizes from './migrations/0027-service-sizes.ts';
import * as shareMarks from './migrations/0029-share-marks.ts';
import * as guestVisits from './migrations/0031-guest-visits.ts';
import * as provisioning from './migrations/0032-provisioning.ts';
import * as discoveredAddresses from './migrations/0033-discovered-addresses.ts';
import * as toolPlaces from './migrations/0036-tool-places.ts';
import * as serviceUse from './migrations/0039-service-use.ts';
import type { Tables } from './tables.ts';

/** Forward-only, numbered, listed by hand so that nothing else in the folder can run. */
const migrations: Record<string, Migration> = {
  '0001-init': init,
  '0002-credential-version': credentialVersion,
  '0003-known-places': knownPlaces,
  '0004-email-proven': emailProven,
  '0005-logout-notices': logoutNotices,
  '0006-hand-off': handOff,
  '0007-denials': denials,
  '0008-wished-names': wishedNames,
  '0009-former-secrets': formerSecrets,
  '0012-files': files,
  '0014-tokens': tokens,
  '0015-session-indexes': sessionIndexes,
  '0016-owner-plans': ownerPlans,
  '0017-shares': shares,
  '0018-upload-locks': uploadLocks,
  '0019-lists': lists,
  '0020-share-ends': shareEnds,
  '0024-services': services,
  '0025-file-locks': fileLocks,
  '0026-service-rest': serviceRest,
  '0027-service-sizes': serviceSizes,
  '0029-share-marks': shareMarks,
  '0031-guest-visits': guestVisits,
  '0032-provisioning': provisioning,
  '0033-discovered-addresses': discoveredAddresses,
  '0036-tool-places': toolPlaces,
  '0039-service-use': serviceUse,
};

/**
 * Brings the schema up to date; a schema newer than this program is refused untouched.
 * @throws KNOT_STORE_SCHEMA_NEWER, KNOT_STORE_MIGRATION_FAILED
 */
export async function migrate(db: Kysely<Tables>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const unknown = (await appliedMigrations(db, kind)).filter((name) => !(name in migrations));
  if (unknown.length > 0) {
    throw knotError(
      'KNOT_STORE_SCHEMA_NEWER',
      500,
      `The database was written by a newer Knot (${unknown.join(', ')}).`,
      {
        remedy: 'Start the newer version again, or restore the backup taken before the upgrade.',
      },
    );
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error, results } = await migrator.migrateToLatest();
  // SQLite has no lock over "what is missing" and "apply it": another process may have applied it in between.
  if (!error || isComplete(await appliedMigrations(db, kind))) return;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'unknown';
  throw knotError(
    'KNOT_STORE_MIGRATION_FAILED',
    500,
    `Migration ${failed} of the database failed; nothing was changed.`,
    {
      cause: error,
      remedy: 'See the cause in the log; the database is as it was before.',
    },
  );
}

function isComplete(applied: readonly string[]): boolean {
  return Object.keys(migrations).every((name) => applied.includes(name));
}

async function appliedMigrations(db: Kysely<Tables>, kind: 'sqlite' | 'postgres'): Promise<string[]> {
  const table =
    kind === 'sqlite'
      ? await sql<{ name: string }>`select name from sqlite_master where name = 'kysely_migration'`.execute(db)
      : await sql<{ name: string }>`select table_name as name from information_schema.tables
          where table_name = 'kysely_migration' and table_schema = current_schema()`.execute(db);
  if (table.rows.length === 0) return [];
  return (await sql<{ name: string }>`select name from kysely_migration`.execute(db)).rows.map((row) => row.name);
}
