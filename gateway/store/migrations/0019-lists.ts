import { type Kysely, sql } from 'kysely';

/**
 * Lists that stay fast: the orders in which people are listed (accounts/user-list.ts has the same expressions), the kinds and times of
 * the audit ledger, and under which names its lines are found (audit/mentions.ts).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const [name, columns] of Object.entries({
    users_waiting: "(case when state = 'pending' then 0 else 1 end), (coalesce(wished_name, username)), created_at, id",
    users_name: '(coalesce(wished_name, username)), id',
    users_email: '(lower(email)), id',
    users_state:
      "(case state when 'pending' then 0 when 'active' then 1 else 2 end), (coalesce(wished_name, username)), id",
    users_created_at: 'created_at, id',
    users_last_sign_in: '(coalesce(last_sign_in_at, 0)), id',
  })) {
    await sql`create index ${sql.raw(name)} on users (${sql.raw(columns)})`.execute(db);
  }
  await db.schema.createIndex('users_kind').on('users').columns(['state', 'is_admin']).execute();
  await db.schema.createIndex('audit_at').on('audit').columns(['at', 'seq']).execute();
  await db.schema.createIndex('audit_action').on('audit').columns(['action', 'at', 'seq']).execute();
  await db.schema
    .createTable('audit_mentions')
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('audit_mentions_key', ['name', 'at', 'seq'])
    .execute();
  await fillMentions(db);
}

type Line = { seq: number; at: number; actor: string; subject: string; detail: string };

/** The names of the lines that are there, a page at a time: a ledger may be long. */
async function fillMentions(db: Kysely<unknown>): Promise<void> {
  let after = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const { rows } = await sql<Line>`select seq, at, actor, subject, detail from audit where seq > ${after}
      order by seq limit 500`.execute(db);
    const last = rows.at(-1);
    if (!last) return;
    after = last.seq;
    const values = rows.flatMap(({ seq, at, actor, subject, detail }) =>
      namesIn(actor, subject, detail).map((name) => sql`(${name}, ${at}, ${seq})`),
    );
    await sql`insert into audit_mentions (name, at, seq) values ${sql.join(values)} on conflict do nothing`.execute(db);
  }
}

/** As audit/mentions.ts had it when this was written; a migration keeps its own copy. */
function namesIn(actor: string, subject: string, detail: string): string[] {
  const bare = subject.slice(subject.indexOf(':') + 1);
  const names = [actor, subject, bare, userIn(detail)].filter((name) => name !== '');
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

function userIn(detail: string): string {
  try {
    const { user } = JSON.parse(detail) as { user?: unknown };
    return typeof user === 'string' ? user : '';
  } catch {
    return '';
  }
}
