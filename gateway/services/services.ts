import {
  type AuditEntry,
  type Clock,
  type JsonObject,
  knotError,
  type Log,
  newId,
  type Principal,
  type TileStatus,
  type Traffic,
} from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { type Act, wishedBy } from './acts.ts';
import type { Engine, LaunchStep, Missing } from './engine.ts';
import { createServiceMetrics, type Metrics } from './metrics/metrics.ts';
import { checkServiceName, hostLabel } from './name.ts';
import { createReconciler, type ServiceRoutes } from './reconciler.ts';
import type { ServiceOutput } from './output/pages.ts';
import * as records from './records.ts';
import type { Service, TemplateCopy, Transition } from './service.ts';
import type { LaunchableTemplate, Templates } from './template.ts';
import { tileOf } from './tile.ts';

export type By = { actor: string; address?: string | undefined };
/** `person`: who asks, for templates that are not for everybody. */
export type NewService = {
  template: string;
  name: string;
  owner: Service['owner'];
  values: JsonObject;
  person?: Principal;
};

/** Why something would not start, by the field of the form it is about. */
export type Obstacle = { field: string; message: string; remedy?: string };

export type Services = {
  /** Whether it would start, without starting it: what `launch` would say. */
  check(request: NewService): Promise<Obstacle[]>;
  /** What a template needs and is not there; empty for one that cannot run here at all. */
  missing(request: Pick<NewService, 'template' | 'owner' | 'person'>): Promise<Missing[]>;
  /** @throws KNOT_SERVICES_NO_TEMPLATE, KNOT_SERVICES_REFUSED */
  launch(request: NewService, by: By): Promise<Service>;
  find(id: string): Promise<Service | undefined>;
  of(owners: readonly Pick<Service['owner'], 'kind' | 'id'>[]): Promise<Service[]>;
  /** Everybody's, newest first: for whom may see them. */
  all(): Promise<Service[]>;
  transitions(id: string): Promise<Transition[]>;
  output(service: Service): Promise<ServiceOutput>;
  /** Of the start that is under way, or of the last one. */
  steps(service: Pick<Service, 'id'>): readonly LaunchStep[];
  /**
   * Whatever it is doing now: the last wish is what happens.
   * @throws KNOT_SERVICES_NONE, KNOT_SERVICES_CHANGED, KNOT_SERVICES_STOPPED for one that was stopped and is to be woken
   */
  act(id: string, act: Exclude<Act, 'sleep'>, by: By): Promise<Service>;
  /** Other values, in force at a new start. @throws KNOT_SERVICES_REFUSED */
  change(id: string, values: JsonObject, by: By): Promise<Service>;
  /** What it used, in a part of the last day. */
  metrics(id: string, range: { from?: number | undefined; step?: number | undefined }): Promise<Metrics>;
  /** What counts the requests to it. Synchronous: asked where routes are made ready. */
  trafficOf(id: string): Traffic;
  /** What is known of one that does not answer; undefined when it should. Synchronous: for pages in its place. */
  tile(id: string): TileStatus | undefined;
  /** Looks at what an owner has, after they changed. */
  lookAt(owner: Pick<Service['owner'], 'kind' | 'id'>): Promise<void>;
  /** Begins to bring everything to what is wanted. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export type ServicesOptions = {
  store: Store;
  engine: Engine;
  templates: Templates;
  /** Names this machine among those on one store. */
  machine: string;
  routes: ServiceRoutes & { isTaken(label: string): boolean };
  isActive(owner: Service['owner']): Promise<boolean>;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  /** Folder of what they used; of this machine. */
  metricsFolder: string;
  clock: Clock;
  log: Log;
};

export function createServices(options: ServicesOptions): Services {
  const { store, engine, templates, machine, routes, record, clock } = options;
  const metrics = createServiceMetrics({ engine, folder: options.metricsFolder, clock, log: options.log });
  const reconciler = createReconciler({ ...options, onRemoved: metrics.forget });

  async function obstacles(request: NewService, template: LaunchableTemplate | undefined): Promise<Obstacle[]> {
    const { name, owner } = request;
    const found: Obstacle[] = [];
    const problem = checkServiceName(name);
    if (problem !== undefined) found.push({ field: 'name', message: problem });
    else {
      const label = hostLabel(name, owner.name);
      if (routes.isTaken(label) || (await records.nameIsTaken(store.db, label)))
        found.push({ field: 'name', message: `The address ${label} is taken.`, remedy: 'Choose another name.' });
    }
    if (template === undefined) {
      found.push({ field: 'template', message: `There is no template "${request.template}" that can run here.` });
      return found;
    }
    const values = templates.withDefaults(template.defaults, request.values);
    for (const { pointer, message } of templates.check(template.schema, values))
      found.push({ field: `values${pointer}`, message });
    const copy = copyOf(template, '');
    for (const { what, remedy } of await engine.missing({ template: copy, owner }))
      found.push({ field: 'template', message: what, remedy });
    return found;
  }

  async function changed(
    id: string,
    by: By,
    action: string,
    change: (service: Service) => records.Change,
  ): Promise<Service> {
    const { actor, address } = by;
    const found = await store.transaction(async (transaction) => {
      const service = await records.findService(transaction.db, id);
      if (service === undefined) throw noSuchService();
      const next = change(service);
      if (Object.keys(next).length > 0 && !(await records.changeService(transaction.db, service, next)))
        throw changedMeanwhile();
      if (next.state !== undefined)
        await records.addTransition(transaction.db, { serviceId: id, at: clock.now(), state: next.state, actor });
      await record(transaction, {
        action,
        actor,
        subject: `service:${service.owner.name}/${service.name}`,
        outcome: 'done',
        ...(address !== undefined && { address }),
      });
      transaction.announce({ topic: 'services', key: records.changeKeyOf(service) });
      return { ...service, ...next };
    });
    reconciler.look(id);
    return found;
  }

  /** It is begun anew, whatever became of it before. */
  const again = ({ revision }: Service): records.Change => ({
    state: 'requested',
    since: clock.now(),
    revision: revision + 1,
  });

  return {
    async check(request) {
      return obstacles(request, await templates.find(request.template, request.person));
    },
    async missing({ template: id, owner, person }) {
      const template = await templates.find(id, person);
      return template === undefined ? [] : engine.missing({ template: copyOf(template, ''), owner });
    },
    async launch(request, { actor, address }) {
      const template = await templates.find(request.template, request.person);
      const found = await obstacles(request, template);
      if (found.length > 0 || template === undefined) throw refused(found);
      const { name, owner } = request;
      const now = clock.now();
      const service: Service = {
        id: newId(),
        name,
        owner,
        label: hostLabel(name, owner.name),
        template: copyOf(template, await engine.keep(template.folder)),
        values: templates.withDefaults(template.defaults, request.values),
        machine,
        wish: 'running',
        state: 'requested',
        since: now,
        revision: 1,
        createdBy: actor,
        createdAt: now,
      };
      await store.transaction(async (transaction) => {
        if (!(await records.insertService(transaction.db, service)))
          throw refused([{ field: 'name', message: `The address ${service.label} is taken.` }]);
        await records.addTransition(transaction.db, { serviceId: service.id, at: now, state: 'requested', actor });
        await record(transaction, {
          action: 'service.launched',
          actor,
          subject: `service:${owner.name}/${name}`,
          outcome: 'done',
          ...(address !== undefined && { address }),
          detail: { template: template.id, version: template.version },
        });
        transaction.announce({ topic: 'services', key: records.changeKeyOf(service) });
      });
      // Its address says from now on what becomes of it. Where that fails the start says why.
      await routes.put(service).catch(() => undefined);
      reconciler.look(service.id);
      return service;
    },
    find: (id) => records.findService(store.db, id),
    of: (owners) => records.servicesOf(store.db, owners),
    all: () => records.allServices(store.db),
    transitions: (id) => records.transitionsOf(store.db, id),
    output: (service) => engine.output(service),
    steps: (service) => engine.steps(service),
    act: (id, act, by) =>
      changed(id, by, actions[act], (service) => {
        const wished = wishedBy(act, service, clock.now());
        if (wished !== undefined) return wished;
        throw service.wish === 'removed' ? noSuchService() : notToBeWoken();
      }),
    async change(id, given, by) {
      const service = await records.findService(store.db, id);
      if (service === undefined) throw noSuchService();
      const found = templates.check(service.template.schema, given);
      if (found.length > 0)
        throw refused(found.map(({ pointer, message }) => ({ field: `values${pointer}`, message })));
      return changed(id, by, 'service.changed', (now) => ({
        values: given,
        ...(now.wish === 'running' ? again(now) : { revision: now.revision + 1 }),
      }));
    },
    tile(id) {
      const known = reconciler.stateOf(id);
      return known && tileOf(known);
    },
    async lookAt(owner) {
      for (const { id } of await records.servicesOf(store.db, [owner])) reconciler.look(id);
    },
    metrics: metrics.read,
    trafficOf: metrics.trafficOf,
    async start() {
      await engine.tidy();
      await reconciler.start();
      await metrics.start(async (id) => (await records.findService(store.db, id)) !== undefined);
    },
    async close() {
      await metrics.close();
      await reconciler.close();
      await engine.close();
    },
  };
}

const actions: Record<Act, string> = {
  start: 'service.started',
  stop: 'service.stopped',
  wake: 'service.woken',
  sleep: 'service.slept',
  remove: 'service.removed',
};

const copyOf = ({ id, name, title, version, schema, plan }: LaunchableTemplate, digest: string): TemplateCopy => ({
  ...{ id, name, title, version, schema, plan, digest },
});

/** Also for whom a service is nothing to. */
export const noSuchService = () => knotError('KNOT_SERVICES_NONE', 404, 'There is no such service.');
const changedMeanwhile = () =>
  knotError('KNOT_SERVICES_CHANGED', 409, 'The service was changed by somebody else meanwhile.', {
    remedy: 'Look at it again, then decide.',
  });
const notToBeWoken = () =>
  knotError('KNOT_SERVICES_STOPPED', 409, 'The service was stopped, so that nobody wakes it.', {
    remedy: 'Whoever it belongs to can start it.',
  });
const refused = (problems: Obstacle[]) =>
  knotError('KNOT_SERVICES_REFUSED', 422, problems.map(({ message }) => message).join(' '), { details: { problems } });
