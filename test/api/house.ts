import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { endWithShares } from '../../gateway/app/share-rights.ts';
import { type ApiOptions, apiRoutes, davRoutes } from '../../gateway/api/index.ts';
import { publicAddress } from '../../gateway/config/index.ts';
import { openFiles } from '../../gateway/files/index.ts';
import { createSupervisor } from '../../gateway/process/index.ts';
import type { Integration } from '../../gateway/integrations/index.ts';
import { createManualClock, type Log, silentLog } from '../../gateway/lib/index.ts';
import { createLive } from '../../gateway/live/index.ts';
import { createThrottle } from '../../gateway/login/index.ts';
import { createPolicy, type Verified, type VerifiedSets } from '../../gateway/policy/index.ts';
import { openCatalogue, openOutputs, openServices } from '../../gateway/app/services.ts';
import { configuredSizes } from '../../gateway/app/sizes.ts';
import { recordCuts } from '../../gateway/app/cuts.ts';
import { createWatch } from '../../gateway/app/watch.ts';
import { createMail } from '../../gateway/mail/index.ts';
import { createExplainDecision, createExplainUrl } from '../../gateway/app/explain.ts';
import { createIdentify, createIdentifyToken } from '../../gateway/app/identify.ts';
import { endWithRights } from '../../gateway/app/rights.ts';
import { openTestFacts } from '../support/house/facts.ts';
import type { Route } from '../../gateway/routes/index.ts';

export const origin = 'https://localhost:8443';
export const password = 'correct horse battery 7';

export const secrets = { client: 'CLIENT-SECRET-OF-THE-HUB', password };

/** Few attempts, so that the throttle is met soon. */
const login = { attemptsPerAccount: 3, linkSeconds: 3600 };
const plans = [
  { name: 'small', title: 'Small', defaultFor: ['people' as const], storage: '1 KB' },
  { name: 'large', title: 'Large', defaultFor: [] },
];

function route(name: string, kind: Route['kind'], audience: Route['audience']): Route {
  return {
    host: `${name}.localhost`,
    name,
    kind,
    title: name.toUpperCase(),
    audience,
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port: 9, allowLoopback: true },
    ownedPrefixes: [],
    untouchedPrefixes: [],
    switches: { encodedSlash: false, methods: [] },
  };
}

const folder = join(import.meta.dirname, '..', '..', 'policies');
let lastVerified: Verified | undefined;
/** The shipped policies are checked once in a test file, not for each house. */
const verified: VerifiedSets = {
  find: async () => lastVerified,
  async keep(next) {
    lastVerified = next;
  },
};

/** The API over the real modules on a database in memory; only the hub is a stand-in. */
export async function openHouse(t: Test, more: Partial<ApiOptions> = {}) {
  const clock = createManualClock();
  const logged: { fields: object; message: string }[] = [];
  const log: Log = { ...silentLog, error: (fields, message) => void logged.push({ fields, message }) };
  const facts = await openTestFacts(t, { clock, log, config: { login, plans } });
  const { store, audit, accounts, owners, sessions, shares, tokens, routes, denials, connections, config } = facts;
  const policy = await createPolicy({ recordReload: () => undefined, folder, clock, log, verified });
  const live = createLive({ log, onCut: recordCuts(audit, log) });
  const address = publicAddress({ domain: 'localhost' }, 8443);
  const nothingToForget = { keys: { onChange: () => () => undefined }, proxy: { forgetAssertions: () => undefined } };
  endWithRights({ ...facts, policy, live, ...nothingToForget });
  endWithShares({ shares, accounts, live, log });
  await shares.load();

  const hub = createHub();
  await routes.replace('integration', [hub.route]);
  await routes.replace('app', [route('echo', 'app', 'everyone'), route('vault', 'app', 'admins')]);

  const identify = createIdentify(sessions, accounts);
  const watch = createWatch({ log });
  const throttle = createThrottle({ store, clock, config: config.login, accountOf: accounts.findSignIn });
  const folderOfFiles = mkdtempSync(join(tmpdir(), 'knot-api-files-'));
  const allowance: { limit?: number } = {};
  const fileSettings = { folder: folderOfFiles, uploadMaxBytes: 50_000_000, trashDays: 30 };
  const files = openFiles({
    settings: fileSettings,
    store,
    allowanceOf: async () => ({ ...allowance, whose: 'these files' }),
    clock,
    log,
  });
  const catalogue = openCatalogue(config, { clock, log, own: { files, owners, policy } });
  const onFolder = { ...config, data: folderOfFiles };
  const supervisor = createSupervisor({ clock, log });
  const services = openServices(onFolder, {
    facts,
    policy,
    files,
    catalogue,
    supervisor,
    outputs: openOutputs(onFolder, { clock, log }),
    publicAddress: address,
    clock,
    log,
  });
  const app = Fastify();
  const options = {
    identify,
    accounts,
    owners,
    plans: facts.plans,
    shares,
    tokens,
    identifyBearer: createIdentifyToken(tokens, accounts),
    files,
    fileSettings,
    catalogue,
    sizes: configuredSizes(config),
    services,
    sessions,
    clients: await facts.clients(),
    connections,
    policy,
    routes,
    audit,
    live,
    integrations: () => [hub],
    publicAddress: address,
    config,
    health: async () => [
      { name: 'store', status: 'ok', message: 'It answers.' },
      { name: 'sandbox', status: 'warning', message: 'No bubblewrap.', remedy: 'Install it.' },
    ],
    explainUrl: createExplainUrl({ routes, accounts, shares, policy }, address, config.limits),
    explainDecision: createExplainDecision({ denials, accounts, policy }, address),
    noteDenial: denials.note,
    version: '9.9.9',
    onChange: store.onChange,
    throttle,
    mail: createMail({ settings: undefined, log }),
    addressOf: (request) => request.ip,
    appStatus: watch.tile,
    onAppChange: watch.onChange,
    clock,
    log,
    ...more,
  } satisfies ApiOptions;
  await app.register(apiRoutes as never, { ...options, prefix: '/api/v1' });
  await app.register(davRoutes as never, { ...options, prefix: '/dav' });
  await app.ready();
  t.teardown(async () => {
    await app.close();
    await services.close();
    await supervisor.stopAll();
    await files.close();
    rmSync(folderOfFiles, { recursive: true, force: true });
    await denials.close();
    await policy.close();
  });

  async function person(username: string, { isAdmin = false } = {}) {
    const email = `${username}@example.org`;
    const user = await accounts.createUser({ username, email, password, isAdmin, state: 'active' }, { name: 'test' });
    return { ...user, ...(await signIn(user.id, username)) };
  }

  async function signIn(userId: string, username: string) {
    const { credentialVersion } = (await accounts.findUser(userId))!;
    const user = { id: userId, username, credentialVersion };
    const started = await sessions.start({ user, device: 'Firefox on Linux', address: '127.0.0.1' });
    return { cookie: `__Host-knot=${started!.secret}`, sessionId: started!.session.id };
  }

  return {
    app,
    files,
    folderOfFiles,
    allowance,
    accounts,
    plans: facts.plans,
    tokens,
    shares,
    store,
    sessions,
    throttle,
    policy,
    routes,
    audit,
    live,
    clock,
    config,
    hub,
    person,
    signIn,
    logged,
    call: caller(app),
  };
}

export type Call = {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  body?: unknown;
  cookie?: string;
  headers?: Record<string, string>;
};

/** Asks as the dashboard would: own origin, JSON. `headers` can take that back: one that is empty is not sent. */
function caller(app: FastifyInstance) {
  return async ({ method = 'GET', url, body, cookie, headers = {} }: Call) => {
    const sent: Record<string, string> = {
      host: 'localhost:8443',
      ...(method === 'GET' ? {} : { origin }),
      'sec-fetch-site': 'same-origin',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    };
    const answer = await app.inject({
      method,
      url: `/api/v1${url}`,
      headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== '')),
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = answer.payload;
    const json: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
    return { status: answer.statusCode, text, json: json as Record<string, unknown>, headers: answer.headers };
  };
}

function createHub(): Integration & { change(): void; secretText: string } {
  const listeners = new Set<() => void>();
  return {
    name: 'jupyterhub',
    title: 'Notebooks',
    url: 'https://jupyterhub.localhost:8443/',
    route: route('jupyterhub', 'integration', 'everyone'),
    ownSessions: [],
    client: {
      clientId: 'jupyterhub',
      title: 'Notebooks',
      secret: secrets.client,
      redirectUris: [],
      postLogoutRedirectUris: [],
    },
    secretText: secrets.client,
    start: () => undefined,
    stop: async () => undefined,
    tile: () => ({ status: 'preparing', message: 'Installing.', progress: 0.5, step: 'venv', stepStartedAt: 1 }),
    health: () => [{ name: 'jupyterhub', status: 'working', message: 'Installing.' }],
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    settings: () =>
      `c.JupyterHub.authenticator_class = "generic-oauth"\nc.GenericOAuthenticator.client_secret = "${secrets.client}"`,
    change() {
      for (const listener of listeners) listener();
    },
  };
}
