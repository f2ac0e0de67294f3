import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Catalogue, createCatalogue, diskFolder, fillIn, isUsable, templateId } from '../catalogue/index.ts';
import { absolute, type Config, type PublicAddress } from '../config/index.ts';
import type { Files } from '../files/index.ts';
import { checkValues, type Clock, type Log, newId, withDefaults } from '../lib/index.ts';
import type { Policy } from '../policy/index.ts';
import { openGroups, type Sandbox, type Supervisor } from '../process/index.ts';
import { type Route, type Upstream } from '../routes/index.ts';
import {
  createMachineEngine,
  createOutputs,
  createServices,
  type Engine,
  openPackages,
  type Outputs,
  type Packages,
  type Service,
  type Services,
  type Templates,
} from '../services/index.ts';
import type { Facts } from './facts.ts';
import { openSandbox } from './sandbox.ts';
import { configuredSizes, promisable } from './sizes.ts';
import { createFilesOfOwner } from './files-of.ts';
import { outboundOfServices } from './outbound.ts';
import { createOwnTemplates, type OwnTemplatesParts } from './own-templates.ts';

/** Templates of this installation: those that Knot ships, then the folders of knot.yaml; and what people and teams keep themselves. */
export function openCatalogue(
  config: Config,
  { clock, log, own }: { clock: Clock; log: Log; own?: OwnTemplatesParts },
): Catalogue {
  return createCatalogue({
    sources: [
      { folder: diskFolder(shippedTemplates), origin: { kind: 'shipped' } },
      ...config.services.templates.map((folder) => ({
        folder: diskFolder(absolute(config, folder)!),
        origin: { kind: 'admin' as const },
      })),
    ],
    engine: config.engine,
    ...(own && config.services.ownTemplates && { sourcesOf: ownTemplates(config, own) }),
    now: clock.now,
    log,
  });
}

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
    clock: Clock;
    log: Log;
  },
): Services {
  const { facts, policy, files, catalogue, supervisor, outputs, publicAddress, clock, log } = parts;
  const { store, accounts, owners, plans, routes, audit } = facts;
  const { sandbox, close: closeSandbox } = openSandboxOf(config, { supervisor, log });
  const here = machineOf(config.data);
  // Looked for beside the rest of the start, which says in the end whether there is one.
  void sandbox();
  const engine = createMachineEngine({
    ...machineFacts(config),
    sandbox,
    isSandboxRequired: config.services.sandbox === 'required',
    supervisor,
    packages: openTemplatePackages(config, { sandbox, supervisor, clock, log }),
    clock,
    log,
    filesOf: createFilesOfOwner({ files, accounts, owners, policy, domain: config.domain }),
    originOf: (label) => publicAddress.originOf(publicAddress.hostOfService(label)),
    outbound: outboundOfServices(config, { accounts, policy, log }),
    fillIn,
    neighbour: async (owner, name) =>
      (await services.of([owner])).find((one) => one.name === name && one.machine === here),
    groups: () => openGroups({ stateFolder: join(config.data, 'process'), log }),
    outputs,
  });
  const services = createServices({
    store,
    engine,
    templates: templatesOf(catalogue),
    machine: here,
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
    record: audit.record,
    sizes: configuredSizes(config),
    whole: promisable(config),
    limitsOf: async (owner) => (await plans.of(owner)).plan ?? {},
    idleSecondsOf: async (owner) => [config.services.idleSeconds, (await plans.of(owner)).plan?.idleSeconds],
    clock,
    log,
  });
  return {
    ...services,
    close() {
      closeSandbox();
      return services.close();
    },
  };
}

/** Where programs run here, and as whom. */
function machineFacts(config: Config) {
  const { first, count } = config.integrations.jupyterhub.accounts;
  const hub = join(config.data, 'jupyterhub');
  return {
    dataFolder: config.data,
    accounts: { file: join(hub, 'accounts.json'), homes: join(hub, 'homes'), first, count },
  };
}

/** What keeps programs apart here; also for a command on the same machine. */
export function openSandboxOf(config: Config, parts: { supervisor: Supervisor; log: Log }) {
  const { first } = config.integrations.jupyterhub.accounts;
  const account = process.getuid?.() === 0 ? { uid: first + 1, gid: first } : undefined;
  return openSandbox({ dataFolder: config.data, account, ...parts });
}

/** The packages of templates; also for a command on the same machine. */
export function openTemplatePackages(
  config: Config,
  parts: { sandbox: () => Promise<Sandbox>; supervisor: Supervisor; clock: Clock; log: Log },
): Packages {
  return openPackages({ ...machineFacts(config), ...parts, folder: absolute(config, config.services.packages) });
}

/** The catalogue in the words of services: only what can be launched on this machine. */
function templatesOf(catalogue: Catalogue): Templates {
  return {
    async find(id, person) {
      const template = await catalogue.find(id, person);
      if (template?.process === undefined || !isUsable(template)) return undefined;
      const { name, title, version, schema, values, process: plan, folder } = template;
      return { id: templateId(template), name, title, version, schema, defaults: values, plan, folder };
    },
    check: checkValues,
    withDefaults,
  };
}

/** Of a service that is not anywhere yet: no name ends in this (RFC 6761 section 6.4), and who asks is told how far it is. */
const nowhere: Upstream = { protocol: 'http:', hostname: 'nowhere.invalid', port: 80, allowLoopback: false };

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

/** A name of this data folder among the gateways on one store: programs run here and nowhere else. */
function machineOf(dataFolder: string): string {
  const file = join(dataFolder, 'machine');
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${newId()}\n`, { mode: 0o600 });
  }
  return readFileSync(file, 'utf8').trim();
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
