import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Row, Tables } from '../store/index.ts';
import type { AuditCount, AuditFilter } from './model.ts';

/** A place in the ledger in the order of its lists: by time, then by number. */
export type Mark = { at: number; seq: number };

/** Kinds of acts are few; of each, and of all acts of a name, no more are counted than this. */
export const mostCounted = 1000;

type Filter = AuditFilter & { before?: Mark };

/** Where the lines before a number begin; that line itself may be missing. */
export async function markOf(db: Kysely<Tables>, seq: number): Promise<Mark> {
  const line = await db
    .selectFrom('audit')
    .select('at')
    .where('seq', '<=', seq)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { at: line?.at ?? 0, seq };
}

/** The newest lines that fit. Each order and each bound lies in one index, so that the length of the ledger does not matter. */
export async function findLines(db: Kysely<Tables>, filter: Filter, limit: number): Promise<Row<'audit'>[]> {
  const lines = sql<
    Row<'audit'>
  >`select audit.* ${fitting(filter)} order by ${source(filter)}.at desc, ${source(filter)}.seq desc limit ${limit}`;
  return (await lines.execute(db)).rows;
}

/** How many lines of each kind fit the rest of the filter. */
export async function countKinds(
  db: Kysely<Tables>,
  { action: _action, ...filter }: AuditFilter,
): Promise<AuditCount[]> {
  if (isNamed(filter)) {
    const some = sql`select audit.action ${fitting(filter)} limit ${mostCounted + 1}`;
    const counted = await sql<{
      action: string;
      count: number;
    }>`select action, count(*) as count from (${some}) as fitting_lines
      group by action order by action`.execute(db);
    const isMore = counted.rows.reduce((sum, { count }) => sum + count, 0) > mostCounted;
    return counted.rows.map(({ action, count }) => ({ action, count, isMore }));
  }
  const counts: AuditCount[] = [];
  for (const action of await listKinds(db)) {
    const some = sql`select 1 ${fitting({ ...filter, action })} limit ${mostCounted + 1}`;
    const { rows } = await sql<{ count: number }>`select count(*) as count from (${some}) as fitting_lines`.execute(db);
    const count = rows[0]?.count ?? 0;
    if (count > 0) counts.push({ action, count: Math.min(count, mostCounted), isMore: count > mostCounted });
  }
  return counts;
}

/** Every kind there is, found by jumping from one to the next in the index instead of reading all of it. */
async function listKinds(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ action: string }>`with recursive kinds(action) as (
      select min(action) from audit
      union all
      select (select min(audit.action) from audit where audit.action > kinds.action) from kinds where kinds.action is not null
    ) select action from kinds where action is not null`.execute(db);
  return rows.map(({ action }) => action);
}

const isNamed = ({ person, actor, subject }: Filter): boolean => (person ?? actor ?? subject) !== undefined;
const source = (filter: Filter) => sql.raw(isNamed(filter) ? 'audit_mentions' : 'audit');

function fitting(filter: Filter): RawBuilder<unknown> {
  const { action, person, actor, subject, from, to, before } = filter;
  const place = source(filter);
  const conditions: RawBuilder<unknown>[] = [];
  const name = person ?? subject ?? actor;
  if (name !== undefined) conditions.push(sql`audit_mentions.name = ${name.toLowerCase()}`);
  if (actor !== undefined) conditions.push(sql`audit.actor = ${actor}`);
  if (subject !== undefined) conditions.push(sql`audit.subject = ${subject}`);
  if (action !== undefined) conditions.push(sql`audit.action = ${action}`);
  if (from !== undefined) conditions.push(sql`${place}.at >= ${from}`);
  if (to !== undefined) conditions.push(sql`${place}.at < ${to}`);
  if (before !== undefined) conditions.push(sql`(${place}.at, ${place}.seq) < (${before.at}, ${before.seq})`);
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  return isNamed(filter)
    ? sql`from audit_mentions inner join audit on audit.seq = audit_mentions.seq ${where}`
    : sql`from audit ${where}`;
}
