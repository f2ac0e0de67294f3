import type { Kysely } from 'kysely';
import type { JsonObject } from '../../lib/index.ts';
import type { Row, Tables } from '../../store/index.ts';
import type { Service, TemplateCopy } from '../service.ts';

type Database = Kysely<Tables>;

export type RevisionAct = 'launched' | 'changed' | 'upgraded' | 'rolled-back';

/** What a service was made of from then on. */
export type Revision = {
  revision: number;
  act: RevisionAct;
  template: TemplateCopy;
  values: JsonObject;
  at: number;
  actor: string;
};

/** Of each service, the newest are kept: what runs now, and what it can go back to. */
const mostRevisions = 20;

export async function addRevision(
  db: Database,
  { id, revision, template, values }: Pick<Service, 'id' | 'revision' | 'template' | 'values'>,
  { act, at, actor }: Pick<Revision, 'act' | 'at' | 'actor'>,
): Promise<void> {
  const { version, digest } = template;
  await db
    .insertInto('service_revisions')
    .values({
      ...{ service_id: id, revision, act, version, digest, at, actor },
      template: JSON.stringify(template),
      service_values: JSON.stringify(values),
    })
    .execute();
  const ofService = db.selectFrom('service_revisions').select('revision').where('service_id', '=', id);
  const oldest = await ofService.orderBy('revision', 'desc').offset(mostRevisions).limit(1).executeTakeFirst();
  if (oldest !== undefined)
    await db
      .deleteFrom('service_revisions')
      .where('service_id', '=', id)
      .where('revision', '<=', oldest.revision)
      .execute();
}

/** Newest first; the first is what it is now. */
export async function revisionsOf(db: Database, id: string): Promise<Revision[]> {
  const ofService = db.selectFrom('service_revisions').selectAll().where('service_id', '=', id);
  return (await ofService.orderBy('revision', 'desc').execute()).map(revisionOf);
}

/** 0 for one that has none. */
export async function newestRevision(db: Database, id: string): Promise<number> {
  const ofService = db.selectFrom('service_revisions').select('revision').where('service_id', '=', id);
  return (await ofService.orderBy('revision', 'desc').limit(1).executeTakeFirst())?.revision ?? 0;
}

/** The version of its template before the newest revision. */
export async function versionBefore(db: Database, id: string): Promise<string | undefined> {
  const before = await db
    .selectFrom('service_revisions')
    .select(['version', 'template'])
    .where('service_id', '=', id)
    .orderBy('revision', 'desc')
    .offset(1)
    .limit(1)
    .executeTakeFirst();
  return before && (before.version || (JSON.parse(before.template) as TemplateCopy).version);
}

/** Names of the files of templates that a service, or something it can go back to, needs. */
export async function neededDigests(db: Database): Promise<Set<string>> {
  const digests = await db.selectFrom('service_revisions').select('digest').distinct().execute();
  const unread = await db.selectFrom('service_revisions').select('template').where('digest', '=', '').execute();
  return new Set([
    ...digests.map(({ digest }) => digest),
    ...unread.map(({ template }) => (JSON.parse(template) as TemplateCopy).digest),
  ]);
}

const revisionOf = ({ revision, act, template, service_values: values, at, actor }: Row<'service_revisions'>) => ({
  ...{ revision, at, actor },
  act: act as RevisionAct,
  template: JSON.parse(template) as TemplateCopy,
  values: JSON.parse(values) as JsonObject,
});
