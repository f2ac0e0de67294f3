import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { apiRoutes, davMethods, davRoutes, type DockerLogins, filename, sendFile } from '../api/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { Config, PublicAddress } from '../config/index.ts';
import type { Files } from '../files/index.ts';
import { guestRoutes } from '../guests/index.ts';
import { jwksRoutes, type SigningKeys } from '../keys/index.ts';
import type { Clock, ComponentHealth, Identify, IdentifyBearer } from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import { createSignInPage, createThrottle, loginRoutes } from '../login/index.ts';
import type { Mail } from '../mail/index.ts';
import { type Oidc, oidcRoutes } from '../oidc/index.ts';
import { accessHook, probeRoutes, type ProcessLog } from '../ops/index.ts';
import type { Policy } from '../policy/index.ts';
import { canonicalOf } from '../proxy/index.ts';
import type { Provisioning } from '../provisioning/index.ts';
import type { Services } from '../services/index.ts';
import type { Certificates } from '../tls/index.ts';
import { uiRoutes } from '../ui/index.ts';
import type { Applications } from './applications.ts';
import { shapeErrors } from './errors.ts';
import { createExplainDecision, createExplainUrl } from './explain.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Facts } from './facts.ts';
import type { OpenedMetrics } from './metrics.ts';
import type { createSeen } from './seen.ts';
import { type Sockets, takeSockets } from './sockets.ts';
import { version } from './version.ts';
import { configuredSizes } from './sizes.ts';

type Seen = Awaited<ReturnType<typeof createSeen>>;

/** What the pages and the API of the main host are made of. */
export type MainHostParts = Pick<Applications, 'integrations' | 'watch'> & {
  facts: Facts;
  seen: Pick<Seen, 'readiness' | 'onAccess'>;
  policy: Policy;
  keys: SigningKeys;
  live: Live;
  mail: Mail;
  files: Files | undefined;
  catalogue: Catalogue;
  services: Services | undefined;
  cluster: { provisioning: Provisioning; discovery: Discovery } | undefined;
  metrics: OpenedMetrics | undefined;
  dockerLogins: DockerLogins | undefined;
  oidc: Oidc;
  identify: Identify;
  identifyBearer: IdentifyBearer;
  certificates: Pick<Certificates, 'caPem'>;
  health: () => Promise<ComponentHealth[]>;
  publicAddress: PublicAddress;
  clock: Clock;
  log: ProcessLog;
};

/** `server` is Fastify without a listener of its own: the edge gives requests to its `routing`, upgrades to `sockets`. */
export type MainHost = { server: FastifyInstance; sockets: Sockets };

/** The server of DOMAIN itself: health, keys, provider, sign-in pages, API and dashboard, ready for requests. */
export async function openMainHost(config: Config, parts: MainHostParts): Promise<MainHost> {
  const {
    facts,
    seen,
    policy,
    keys,
    live,
    mail,
    files,
    catalogue,
    services,
    cluster,
    metrics,
    dockerLogins,
    oidc,
    identify,
    identifyBearer,
    certificates,
    integrations,
    watch,
  } = parts;
  const { store, accounts, sessions, connections, tokens, audit, routes, denials } = facts;
  const { health, publicAddress, clock, log } = parts;
  const shared = {
    accounts,
    sessions,
    connections,
    audit,
    identify,
    publicAddress,
    config,
    throttle: createThrottle({ store, clock, config: config.login, accountOf: accounts.findSignIn }),
    addressOf,
    clock,
    log,
  };
  const main = await createMainHost(config.domain, seen.onAccess, log);
  const sockets = await takeSockets(main, log);
  await main.register(probeRoutes, { isReady: seen.readiness.isReady });
  await main.register(jwksRoutes, { keys });
  await main.register(oidcRoutes, { oidc, origin: publicAddress.origin });
  await main.register(loginRoutes, { ...shared, mail, findRoute: routes.find, caPem: certificates.caPem });
  const api = {
    ...shared,
    version,
    policy,
    owners: facts.owners,
    plans: facts.plans,
    shares: facts.shares,
    tokens,
    files,
    catalogue,
    sizes: configuredSizes(config),
    services,
    places: cluster?.provisioning,
    addresses: cluster?.discovery,
    metrics,
    dockerLogins,
    fileSettings: config.files,
    identifyBearer,
    routes,
    live,
    clients: oidc.clients,
    integrations: () => integrations,
    health,
    explainUrl: createExplainUrl({ routes, accounts, shares: facts.shares, policy }, publicAddress, config.limits),
    explainDecision: createExplainDecision({ denials, accounts, policy }, publicAddress),
    noteDenial: denials.note,
    mail,
    onChange: store.onChange,
    appStatus: watch.tile,
    onAppChange: watch.onChange,
  };
  await main.register(apiRoutes, { ...api, prefix: '/api/v1' });
  await main.register(davRoutes, { ...api, prefix: davMethods.below });
  await main.register(guestRoutes, {
    ...shared,
    shares: facts.shares,
    async hostOfService(id) {
      const service = await services?.find(id);
      if (service === undefined || service.wish === 'removed') return undefined;
      const host = publicAddress.hostOfService(service.label);
      return { host, origin: publicAddress.originOf(host) };
    },
    owners: facts.owners,
    policy,
    files,
    content: { sendFile, filename },
    live,
  });
  await main.register(uiRoutes, {
    folder: join(import.meta.dirname, '..', '..', 'dashboard', 'build'),
    identify,
    signInPage: createSignInPage({ ...shared, findRoute: routes.find }),
  });
  await main.ready();
  return { server: main, sockets };
}

function noSchemas(): never {
  throw new Error('a route outside the API has a schema');
}

/** The server of the main host, without its routes: bounds, the shape of its errors, access lines. */
async function createMainHost(domain: string, onAccess: Seen['onAccess'], log: ProcessLog): Promise<FastifyInstance> {
  const main = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
    // Schemas are the API's alone, which has a compiler of its own: Fastify's would be loaded for nothing.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  }) as unknown as FastifyInstance;
  shapeErrors(main, log);
  await main.register(accessHook, { onAccess, domain });
  return main;
}

/** The same of Node's request. */
export function addressOfRaw(request: IncomingMessage): string {
  return canonicalOf(request)?.address ?? request.socket.remoteAddress ?? '';
}

/** The client's address as the edge found it, through trusted proxies. */
export function addressOf(request: { raw: object; ip: string }): string {
  return canonicalOf(request.raw)?.address ?? request.ip;
}
