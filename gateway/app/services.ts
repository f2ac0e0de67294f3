import { join } from 'node:path';
import {
  type Catalogue,
  createCatalogue,
  createChartShelves,
  diskFolder,
  isUsable,
  runsBy,
  type Template,
  templateId,
} from '../catalogue/index.ts';
import { absolute, type Config, type PublicAddress } from '../config/index.ts';
import type { Files } from '../files/index.ts';
import type { Clock, EngineKind, Log, ProcessPlan } from '../lib/index.ts';
import type { Policy } from '../policy/index.ts';
import type { Supervisor } from '../process/index.ts';
import { nowhere, type Route } from '../routes/index.ts';
import {
  createOutputs,
  createServices,
  type Engine,
  type Outputs,
  type Service,
  type Services,
  type Templates,
} from '../services/index.ts';
import type { ClusterServices } from './cluster-services.ts';
import type { Facts } from './facts.ts';
import { openMachine } from './machine.ts';
import { createOwnTemplates, type OwnTemplatesParts } from './own-templates.ts';
import type { Registry } from '../integrations/index.ts';

/**
 * Templates of this installation: those that Knot ships, then the folders of knot.yaml; and what people and teams keep themselves, among
 * their files and in the registry.
 */
export function openCatalogue(
  config: Config,
  parts: { clock: Clock; log: Log; own?: Omit<OwnTemplatesParts, 'shelfOf'>; registry?: ChartsOfRegistry | undefined },
): Catalogue {
  const { clock, log, own, registry } = parts;
  return createCatalogue({
    sources: [
      { folder: diskFolder(shippedTemplates), origin: { kind: 'shipped' } },
      ...config.services.templates.map((folder) => ({
        folder: diskFolder(absolute(config, folder)!),
        origin: { kind: 'admin' as const },
      })),
    ],
    engine: config.engine,
    ...(own &&
      config.services.ownTemplates && { sourcesOf: ownTemplates(config, { ...own, shelfOf: registry && shelves() }) }),
    now: clock.now,
    log,
  });

  function shelves() {
    const { host, chartsOf, fetchChart } = registry!;
    const addressOf = (owner: string): string => `oci://${host}/${owner}`;
    return createChartShelves({ registry: { addressOf, list: chartsOf, fetch: fetchChart }, now: clock.now, log });
  }
}

type ChartsOfRegistry = Pick<Registry, 'host' | 'chartsOf' | 'fetchChart'>;

const ownTemplates = ({ domain, services }: Config, parts: OwnTemplatesParts) =>
  createOwnTemplates({ ...parts, domain, mayNeedPackages: services.ownTemplatePackages });

const shippedTemplates = join(import.meta.dirname, '../../charts/templates');

/** What services say. Opened before whatever starts them, and closed after it: the last words are kept too. */
export const openOutputs = (config: Config, { clock, log }: { clock: Clock; log: Log }): Outputs =>
  createOutputs(join(config.data, 'services', 'output'), { maxBytes: config.services.outputMaxBytes, clock, log });

/** Makes what people launch; nothing is started before `start`. */
export function openServices(
  config: Config,
  parts: {
    facts: Pick<Facts, 'store' | 'accounts' | 'owners' | 'plans' | 'routes' | 'audit'>;
    policy: Pick<Policy, 'decide'>;
    files: Files;
    catalogue: Catalogue;
    supervisor: Supervisor;
    outputs: Outputs;
    publicAddress: PublicAddress;
    /** What runs them where that is a cluster. */
    cluster?: ClusterServices | undefined;
    clock: Clock;
    log: Log;
  },
): Services {
  const { facts, catalogue, publicAddress, cluster, clock, log } = parts;
  const { store, accounts, plans, routes, audit } = facts;
  const { engine, machine, sizes, whole, close } = cluster
    ? { ...cluster, close: () => undefined }
    : openMachine(config, { ...parts, neighbour: (owner, name) => neighbour(owner, name) });
  const neighbour = async (owner: Pick<Service['owner'], 'kind' | 'id'>, name: string): Promise<Service | undefined> =>
    (await services.of([owner])).find((one) => one.name === name && one.machine === machine);
  const services = createServices({
    store,
    engine,
    templates: templatesOf(catalogue, config.engine),
    machine,
    metricsFolder: join(config.data, 'services', 'metrics'),
    routes: {
      put: (service) => routes.put(routeOf(service, engine, publicAddress)),
      remove: async ({ label }) => void (await routes.remove(publicAddress.hostOfService(label))),
      // A name is one of all routes, whichever domain they are below.
      isTaken: (label) =>
        [publicAddress.hostOfService(label), publicAddress.hostOf(label)].some(
          (host) => routes.find(host) !== undefined,
        ),
    },
    isActive: async ({ kind, id }) =>
      kind === 'user'
        ? (await accounts.principal(id))?.state === 'active'
        : (await accounts.findTeam(id)) !== undefined,
    ...(cluster?.replicas && { replicas: cluster.replicas }),
    record: audit.record,
    sizes,
    whole,
    limitsOf: async (owner) => (await plans.of(owner)).plan ?? {},
    idleSecondsOf: async (owner) => [config.services.idleSeconds, (await plans.of(owner)).plan?.idleSeconds],
    clock,
    log,
  });
  return {
    ...services,
    close() {
      close();
      return services.close();
    },
  };
}

/** The catalogue in the words of services: only what can be launched by the engine here. */
function templatesOf(catalogue: Catalogue, engine: EngineKind): Templates {
  return {
    async find(id, person) {
      const template = await catalogue.find(id, person);
      if (template === undefined || !isUsable(template) || !runsBy(engine, template)) return undefined;
      const { name, title, version, schema, values, folder } = template;
      const plan = planOf(engine, template);
      return { id: templateId(template), name, title, version, schema, defaults: values, plan, folder };
    },
  };
}

/** In a cluster: when it may sleep is as `process.yaml` says where there is one; how it is started its chart says. */
function planOf(engine: EngineKind, { process: plan, release }: Pick<Template, 'process' | 'release'>): ProcessPlan {
  if (engine === 'process') return plan!;
  return {
    command: [],
    environment: {},
    listen: { kind: 'port', port: 80 },
    ready: '/',
    startSeconds: plan?.startSeconds ?? 300,
    memory: release!.memory,
    needs: { executables: [], python: [] },
    files: [],
    network: { hosts: [] },
    ...(plan?.rest && { rest: plan.rest }),
    ...(plan?.reaches !== undefined && { reaches: plan.reaches }),
  };
}

/** The address of a service: its own host, open to nobody whom the policies do not let in. */
function routeOf(service: Service, engine: Engine, address: PublicAddress): Route {
  const { id, name, label, owner } = service;
  return {
    host: address.hostOfService(label),
    name: label,
    kind: 'service',
    service: { id, label: name, owner: owner.name, isTeam: owner.kind === 'team' },
    title: name,
    audience: 'everyone',
    upstream: engine.upstreamOf(service) ?? nowhere,
    ownedPrefixes: [],
    untouchedPrefixes: [],
    // What runs there is anything: its paths are its own affair.
    switches: { encodedSlash: true, doubleSlash: true, pathParameters: true, methods: [] },
  };
}

/**
 * Begins to bring services to what is wanted, once nothing of an earlier run is in the way; and looks at those of an owner whenever
 * they change: whoever is disabled or gone runs nothing.
 */
export function startServices(
  services: Services,
  parts: { supervisor: Supervisor; accounts: Pick<Facts['accounts'], 'onChange'>; store: Facts['store']; log: Log },
): void {
  const { supervisor, accounts, store, log } = parts;
  const complain = (error: unknown): void => log.error({ err: error }, 'the services could not be looked at');
  accounts.onChange((id) => void services.lookAt({ kind: 'user', id }).catch(complain));
  store.onChange('teams', (id) => void services.lookAt({ kind: 'team', id }).catch(complain));
  supervisor
    .afterEarlierRun()
    .then(() => services.start())
    .catch(complain);
}
