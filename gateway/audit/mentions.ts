import type { Kysely } from 'kysely';
import type { Row, Tables } from '../store/index.ts';

/**
 * Under which names a line is found, lower-cased: who acted, what was acted on (`team:genomics` and `genomics`), and the person in an
 * act on a team. Kept beside the ledger, because a name stands in three places of a line and no index covers them all. What is
 * kept here is made from the line: it proves nothing, and the chain does not cover it.
 */
export function mentionsIn({ actor, subject, detail }: Pick<Row<'audit'>, 'actor' | 'subject' | 'detail'>): string[] {
  const bare = subject.slice(subject.indexOf(':') + 1);
  const { user } = JSON.parse(detail) as { user?: unknown };
  const names = [actor, subject, bare, typeof user === 'string' ? user : ''];
  return [...new Set(names.filter((name) => name !== '').map((name) => name.toLowerCase()))];
}

/** Notes the names of a line that was just appended. */
export async function noteMentions(
  db: Kysely<Tables>,
  row: Pick<Row<'audit'>, 'seq' | 'at' | 'actor' | 'subject' | 'detail'>,
): Promise<void> {
  const { seq, at } = row;
  await db
    .insertInto('audit_mentions')
    .values(mentionsIn(row).map((name) => ({ name, at, seq })))
    .execute();
}
