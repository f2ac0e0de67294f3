import {
  checkValues,
  type Clock,
  type Difference,
  differences,
  isNewer,
  isSame,
  type JsonObject,
  masked,
  type Principal,
} from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import { begunAnew, type By, type ChangeService } from '../change.ts';
import type { Engine } from '../engine.ts';
import * as records from '../records.ts';
import {
  inTheWay,
  alreadyThat,
  changedMeanwhile,
  doesNotFit,
  inValues,
  noSuchRevision,
  noSuchService,
  type Obstacle,
  refused,
  templateGone,
} from '../refusals.ts';
import type { Service, TemplateCopy } from '../service.ts';
import { copyOf, type Templates } from '../template.ts';
import { type Misfit, rebase } from './rebase.ts';
import {
  addRevision,
  neededDigests,
  newestRevision,
  type Revision,
  type RevisionAct,
  revisionsOf,
  versionBefore,
} from './revisions.ts';

/** What a change would make of a service. */
export type Preview = {
  from: { version: string; revision: number };
  to: { version: string };
  changes: Difference[];
  /** What was chosen and does not fit; it is dropped when that is asked for, and nothing is changed when it is not. */
  misfits: Misfit[];
};

export type Versions = { newer?: string; previous?: string };

/** What a service became; without `service` it only would. */
export type Became = Preview & { service?: Service };

/** One revision, with what it changed of the one before. */
export type Told = Omit<Revision, 'values'> & { changes: Difference[] };

export type Seen = {
  /** What it was when it was looked at: another one since is not changed. */
  revision?: number | undefined;
};

/** Only say what it would change. */
type DryRun = { dryRun?: boolean | undefined };

export type History = {
  /** Other values, in force at a new start. @throws KNOT_SERVICES_REFUSED, KNOT_SERVICES_CHANGED */
  change(id: string, values: JsonObject, by: By, seen?: Seen): Promise<Service>;
  /**
   * To the version that its template has today.
   * @throws KNOT_SERVICES_TEMPLATE_GONE, KNOT_SERVICES_NOTHING_NEWER, KNOT_SERVICES_DOES_NOT_FIT unless `drop`
   */
  upgrade(
    id: string,
    by: By & { person: Principal },
    options?: Seen & DryRun & { drop?: boolean | undefined },
  ): Promise<Became>;
  /** To an earlier revision, the one before without; files stay as they are. @throws KNOT_SERVICES_NO_REVISION */
  rollback(id: string, by: By, options?: Seen & DryRun & { to?: number | undefined }): Promise<Became>;
  /** Newest first. */
  revisions(id: string): Promise<Told[]>;
  /** Versions of its template: one to upgrade to, and the one before. */
  versions(service: Service, person: Principal): Promise<Versions>;
  /** Takes away files of templates that nothing needs any more. */
  tidy(): Promise<void>;
};

/** What services were before, and how they become another thing. Each change is a revision that can be gone back to. */
export function createHistory(parts: {
  store: Store;
  engine: Pick<Engine, 'keep' | 'keepOnly' | 'missing' | 'obstacles'>;
  templates: Templates;
  change: ChangeService;
  clock: Clock;
}): History {
  const { store, engine, templates, clock } = parts;

  async function find(id: string): Promise<Service> {
    const service = await records.findService(store.db, id);
    if (service === undefined || service.wish === 'removed') throw noSuchService();
    return service;
  }

  /** Changes what a service is made of, from what it was when `seen`, and keeps that as a revision. */
  function become(
    id: string,
    by: By,
    made: { act: RevisionAct; action: string; template?: TemplateCopy; values: JsonObject; seen: number },
  ): Promise<Service> {
    const { act, action, template, values, seen } = made;
    return parts.change(id, by, {
      action,
      ...(template && { detail: { template: template.id, version: template.version } }),
      async change(service, { db }) {
        if (service.wish === 'removed') throw noSuchService();
        // That it was started anew meanwhile changes nothing of what was seen.
        if ((await newestRevision(db, id)) > seen) throw changedMeanwhile();
        return { values, ...(template && { template }), ...begunAnew(service, clock.now()) };
      },
      also: ({ db }, _before, after) => addRevision(db, after, { act, at: clock.now(), actor: by.actor }),
    });
  }

  async function demandPrograms({ plan }: Pick<TemplateCopy, 'plan'>, { isAdmin }: By): Promise<void> {
    const missing = await engine.missing(plan, isAdmin === true);
    if (missing.length > 0)
      throw refused(missing.map(({ what, remedy }): Obstacle => ({ field: 'template', message: what, remedy })));
  }

  /** What is refused where it runs is refused before it becomes that. */
  async function demandPlace(service: Service, made: Partial<Pick<Service, 'template' | 'values'>>): Promise<void> {
    const found = inTheWay(await engine.obstacles({ ...service, ...made }));
    if (found.length > 0) throw refused(found);
  }

  async function earlier(id: string, revision: number | undefined): Promise<Revision> {
    const [, ...before] = await revisionsOf(store.db, id);
    const found = revision === undefined ? before[0] : before.find((each) => each.revision === revision);
    if (found === undefined) throw noSuchRevision();
    return found;
  }

  return {
    async change(id, values, by, { revision } = {}) {
      const service = await find(id);
      const found = checkValues(service.template.schema, values);
      if (found.length > 0) throw refused(inValues(found));
      await demandPlace(service, { values });
      // What was checked is the schema of this revision.
      return become(id, by, { act: 'changed', action: 'service.changed', values, seen: revision ?? service.revision });
    },
    async upgrade(id, { person, ...by }, { revision, drop = false, dryRun = false } = {}) {
      const service = await find(id);
      const template = await templates.find(service.template.id, person);
      if (template === undefined) throw templateGone();
      const { values, misfits } = rebase({
        values: service.values,
        oldDefaults: service.template.defaults ?? {},
        newDefaults: template.defaults,
        schema: template.schema,
        check: (tried) => checkValues(template.schema, tried),
      });
      const preview = previewOf(service, { template, values, misfits });
      if (dryRun) return preview;
      if (misfits.length > 0 && !drop)
        throw doesNotFit(misfits.map(({ path, message }) => ({ field: `values${path}`, message })));
      const left = checkValues(template.schema, values);
      if (left.length > 0) throw refused(inValues(left));
      await demandPrograms(template, by);
      const copy = copyOf(template, await engine.keep(template.folder));
      const { digest, version } = service.template;
      if (copy.digest === digest && copy.version === version && isSame(values, service.values)) throw alreadyThat();
      await demandPlace(service, { template: copy, values });
      const made = { act: 'upgraded', action: 'service.upgraded', template: copy, values } as const;
      return { ...preview, service: await become(id, by, { ...made, seen: revision ?? service.revision }) };
    },
    async rollback(id, by, { revision, to, dryRun = false } = {}) {
      const service = await find(id);
      const { template, values } = await earlier(id, to);
      const preview = previewOf(service, { template, values, misfits: [] });
      if (dryRun) return preview;
      await demandPrograms(template, by);
      await demandPlace(service, { template, values });
      const made = { act: 'rolled-back', action: 'service.rolled-back', template, values } as const;
      return { ...preview, service: await become(id, by, { ...made, seen: revision ?? service.revision }) };
    },
    async revisions(id) {
      const all = await revisionsOf(store.db, id);
      return all.map(({ values, ...revision }, index) => {
        const before = all[index + 1];
        const changes = before === undefined ? [] : differences(before.values, values);
        return {
          ...revision,
          changes: masked(changes, revision.template.schema, ...(before ? [before.template.schema] : [])),
        };
      });
    },
    async versions({ id, template }, person) {
      const today = await templates.find(template.id, person);
      const previous = await versionBefore(store.db, id);
      return {
        ...(today && isNewer(today.version, template.version) && { newer: today.version }),
        ...(previous !== undefined && { previous }),
      };
    },
    tidy: async () => engine.keepOnly(await neededDigests(store.db)),
  };
}

function previewOf(
  service: Service,
  {
    template,
    values,
    misfits,
  }: { template: Pick<TemplateCopy, 'version' | 'schema'>; values: JsonObject; misfits: Misfit[] },
): Preview {
  const { version, schema } = service.template;
  return {
    from: { version, revision: service.revision },
    to: { version: template.version },
    changes: masked(differences(service.values, values), schema, template.schema),
    misfits,
  };
}
