import { type Kysely, sql } from 'kysely';
import { noteMentions } from './mentions.ts';
import { type NewRow, type Row, type Store, type Tables, type Transaction, writeSetting } from '../store/index.ts';

/** The newest line: without it nobody could tell that lines are missing at the end. */
export type Head = { seq: number; hash: string };

const headKey = 'audit.head';
/** Key of the advisory lock: any constant no other lock of the database uses. */
const ledgerLock = 0x6b6e_6f01;

/** Makes appends wait for one another until the transaction ends; on SQLite `begin immediate` has done so already. */
export async function lockLedger(transaction: Transaction, kind: Store['kind']): Promise<void> {
  if (kind === 'postgres') await sql`select pg_advisory_xact_lock(${ledgerLock})`.execute(transaction.db);
}

/**
 * Where to append. The head record leads even where it disagrees with the rows, so that what was removed or added behind its
 * back stays visible in the chain; only when the record itself is gone does the newest row take its place.
 */
export async function readAppendPoint(db: Kysely<Tables>): Promise<Head | undefined> {
  const { head, newest } = await readEnds(db);
  if (head) return { seq: Math.max(head.seq, newest), hash: head.hash };
  return db.selectFrom('audit').select(['seq', 'hash']).where('seq', '=', newest).executeTakeFirst();
}

export async function appendRow(db: Kysely<Tables>, row: NewRow<'audit'>): Promise<void> {
  await db.insertInto('audit').values(row).execute();
  await noteMentions(db, row);
  await writeSetting(db, headKey, JSON.stringify({ seq: row.seq, hash: row.hash } satisfies Head));
}

/** Head record and newest row in one statement, so that an append in between cannot make them differ. */
export async function readEnds(db: Kysely<Tables>): Promise<{ head: Head | undefined; newest: number }> {
  const ends = await db
    .selectNoFrom((query) => [
      query.selectFrom('settings').select('value').where('key', '=', headKey).as('head'),
      query
        .selectFrom('audit')
        .select((audit) => audit.fn.max('seq').as('newest'))
        .as('newest'),
    ])
    .executeTakeFirstOrThrow();
  return { head: parseHead(ends.head), newest: ends.newest ?? 0 };
}

/** The next rows in order, at most `limit`. */
export function readPage(db: Kysely<Tables>, afterSeq: number, limit: number): Promise<Row<'audit'>[]> {
  return db.selectFrom('audit').selectAll().where('seq', '>', afterSeq).orderBy('seq').limit(limit).execute();
}

function parseHead(text: string | null): Head | undefined {
  try {
    const { seq, hash } = JSON.parse(text ?? '{}') as Partial<Head>;
    return Number.isSafeInteger(seq) && typeof hash === 'string' ? { seq: seq!, hash } : undefined;
  } catch {
    return undefined;
  }
}
