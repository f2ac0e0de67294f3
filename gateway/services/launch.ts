import {
  type AuditEntry,
  checkServiceName,
  checkValues,
  type Clock,
  hostLabel,
  type JsonObject,
  namesInPath,
  newId,
  pointerOf,
  type Principal,
  withDefaults,
} from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import type { By } from './change.ts';
import type { Engine } from './engine.ts';
import { addRevision } from './history/revisions.ts';
import { reachedBy } from './reach.ts';
import * as records from './records.ts';
import type { ServiceRoutes } from './reconciler.ts';
import { inTheWay, inValues, type Obstacle, refused } from './refusals.ts';
import type { Room } from './room.ts';
import type { Service } from './service.ts';
import { chooseSize } from './sizes.ts';
import { copyOf, type LaunchableTemplate, type Templates } from './template.ts';

/** `person`: who asks, for templates that are not for everybody. */
export type NewService = {
  template: string;
  name: string;
  owner: Service['owner'];
  values: JsonObject;
  person?: Principal;
};

export type Launch = {
  /** Whether it would start, without starting it: what `launch` would say. */
  check(request: NewService): Promise<Obstacle[]>;
  /** @throws KNOT_SERVICES_REFUSED */
  launch(request: NewService, by: By): Promise<Service>;
};

/** What becomes a service: asked about as often as somebody types, and refused for the same reasons when it is begun. */
export function createLaunch(parts: {
  store: Store;
  engine: Engine;
  templates: Templates;
  machine: string;
  routes: ServiceRoutes & { isTaken(label: string): boolean };
  room: Room;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  look(id: string): void;
  clock: Clock;
}): Launch {
  const { store, engine, templates, machine, routes, room, record, look, clock } = parts;

  async function examine(request: NewService, template: LaunchableTemplate | undefined) {
    const { name, owner, person } = request;
    const found: Obstacle[] = [];
    const problem = checkServiceName(name);
    if (problem !== undefined) found.push({ field: 'name', message: problem });
    else {
      const label = hostLabel(name, owner.name);
      if (routes.isTaken(label) || (await records.labelIsTaken(store.db, label)))
        found.push({ field: 'name', message: `The address ${label} is taken.`, remedy: 'Choose another name.' });
    }
    if (template === undefined) {
      found.push({ field: 'template', message: `There is no template "${request.template}" that can run here.` });
      return { found };
    }
    const values = withDefaults(template.defaults, request.values);
    found.push(...inValues(checkValues(template.schema, values)));
    for (const one of reachedBy(template.plan, values))
      if (!(await records.labelIsTaken(store.db, hostLabel(one, owner.name))))
        found.push({
          field: `values${pointerOf(namesInPath(template.plan.reaches!))}`,
          message: `${owner.name} has no service "${one}".`,
          remedy: 'Launch it first, or take it out.',
        });
    const mayLackSandbox = person?.isAdmin === true;
    for (const { what, remedy } of await engine.missing(template.plan, mayLackSandbox))
      found.push({ field: 'template', message: what, remedy });
    const { schema, plan } = template;
    const chosen = chooseSize(room.sizes, { schema, memory: plan.memory, values });
    if ('obstacle' in chosen) return { found: [...found, chosen.obstacle] };
    const limits = await room.limitsOf(owner);
    const whatFits = (db = store.db) => room.obstacles(db, { owner, size: chosen.size }, limits, chosen.field);
    found.push(...(await whatFits()));
    // Asked last, because it costs most.
    if (found.length === 0) {
      const copy = copyOf(template, await engine.keep(template.folder));
      const label = hostLabel(name, owner.name);
      found.push(...(await engine.obstacles({ name, owner, label, template: copy, values, size: chosen.size })));
    }
    return { found, values, size: chosen.size, mayLackSandbox, whatFits };
  }

  return {
    async check(request) {
      return (await examine(request, await templates.find(request.template, request.person))).found;
    },
    async launch(request, { actor, address }) {
      const template = await templates.find(request.template, request.person);
      const { found, values, size, mayLackSandbox, whatFits } = await examine(request, template);
      const problems = inTheWay(found);
      if (problems.length > 0 || template === undefined || values === undefined) throw refused(problems);
      const { name, owner } = request;
      const now = clock.now();
      const service: Service = {
        id: newId(),
        name,
        owner,
        label: hostLabel(name, owner.name),
        template: copyOf(template, await engine.keep(template.folder)),
        values,
        size,
        mayLackSandbox,
        machine,
        wish: 'running',
        state: 'requested',
        since: now,
        revision: 1,
        createdBy: actor,
        createdAt: now,
      };
      await store.transaction(async (transaction) => {
        // What fitted a moment ago may be taken by now.
        await room.claim(transaction);
        const full = await whatFits(transaction.db);
        if (full.length > 0) throw refused(full);
        if (!(await records.insertService(transaction.db, service)))
          throw refused([{ field: 'name', message: `The address ${service.label} is taken.` }]);
        await records.addTransition(transaction.db, { serviceId: service.id, at: now, state: 'requested', actor });
        await record(transaction, {
          action: 'service.launched',
          actor,
          subject: `service:${owner.name}/${name}`,
          outcome: 'done',
          ...(address !== undefined && { address }),
          detail: { template: template.id, version: template.version, size: size.name },
        });
        await addRevision(transaction.db, service, { act: 'launched', at: now, actor });
        transaction.announce({ topic: 'services', key: records.changeKeyOf(service) });
      });
      // Its address says from now on what becomes of it. Where that fails the start says why.
      await routes.put(service).catch(() => undefined);
      look(service.id);
      return service;
    },
  };
}
