import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { createIdentifyToken } from '../../gateway/app/identify.ts';
import { createPeople } from '../../gateway/app/people.ts';
import { type ApiOptions, apiRoutes } from '../../gateway/api/index.ts';
import { createAudit } from '../../gateway/audit/index.ts';
import { publicAddress } from '../../gateway/config/index.ts';
import type { Integration } from '../../gateway/integrations/index.ts';
import { createManualClock, type Identify, type Log, silentLog } from '../../gateway/lib/index.ts';
import { createLive } from '../../gateway/live/index.ts';
import { createThrottle } from '../../gateway/login/index.ts';
import { createPolicy, type Verified, type VerifiedSets } from '../../gateway/policy/index.ts';
import { recordCuts } from '../../gateway/app/cuts.ts';
import { createWatch } from '../../gateway/app/watch.ts';
import { createMail } from '../../gateway/mail/index.ts';
import { createDenials } from '../../gateway/denials/index.ts';
import { createExplain, createExplainDecision } from '../../gateway/app/explain.ts';
import { createClients } from '../../gateway/oidc/index.ts';
import { createOwners, createPlans } from '../../gateway/owners/index.ts';
import { createRoutes, type Route } from '../../gateway/routes/index.ts';
import { openStore } from '../../gateway/store/index.ts';

export const origin = 'https://localhost:8443';
export const password = 'correct horse battery 7';

export const secrets = { client: 'CLIENT-SECRET-OF-THE-HUB', password };

const login = {
  attemptsPerAccount: 3,
  attemptsPerAddress: 50,
  attemptsByStrangers: 100,
  windowSeconds: 900,
  linkSeconds: 3600,
  minimumPasswordLength: 10,
};

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
  const store = await openStore({ url: 'sqlite::memory:', clock, log });
  const audit = createAudit({ store, clock });
  const record = audit.record;
  const passwordRules = { minimumLength: 10 };
  const lifetimes = { idleSeconds: 3600, absoluteSeconds: 86_400 };
  const { accounts, sessions, connections, tokens } = createPeople({
    store,
    clock,
    record,
    passwordRules,
    sessions: lifetimes,
    log,
  });
  const owners = createOwners({ store, findOwner: accounts.findOwner });
  t.teardown(() => owners.close());
  const policy = await createPolicy({ recordReload: () => undefined, folder, clock, log, verified });
  const plans = createPlans({
    store,
    clock,
    record,
    plans: [
      { name: 'small', title: 'Small', defaultFor: ['people'], storage: 1000 },
      { name: 'large', title: 'Large', defaultFor: [] },
    ],
  });
  t.teardown(() => plans.close());
  const routes = await createRoutes({ store, clock, log });
  const live = createLive({ log, onCut: recordCuts(audit, log) });
  const denials = createDenials({ store, clock, log });
  const address = publicAddress({ domain: 'localhost' }, 8443);
  tokens.onEnded((id) => void live.closeSession(id, 'token revoked'));
  sessions.onEnded((centralId) => void live.closeSession(centralId, 'signed out'));
  accounts.onChange((userId) => void live.rejudge({ userId }));

  const hub = createHub();
  await routes.replace('integration', [hub.route]);
  await routes.replace('app', [route('echo', 'app', 'everyone'), route('vault', 'app', 'admins')]);

  const identify: Identify = async (cookie, host) => {
    const session = await sessions.find(cookie, host);
    const principal = session && (await accounts.principal(session.userId));
    return session && principal?.state === 'active' ? { session, principal } : undefined;
  };
  const watch = createWatch({ log });
  const throttle = createThrottle({ store, clock, config: login, accountOf: accounts.findSignIn });
  const app = Fastify();
  await app.register(apiRoutes as never, {
    prefix: '/api/v1',
    identify,
    accounts,
    owners,
    plans,
    tokens,
    identifyBearer: createIdentifyToken(tokens, accounts),
    sessions,
    clients: createClients({ store, clock, record }),
    connections,
    policy,
    routes,
    audit,
    live,
    integrations: () => [hub],
    publicAddress: address,
    config: { login },
    health: async () => [
      { name: 'store', status: 'ok', message: 'It answers.' },
      { name: 'sandbox', status: 'warning', message: 'No bubblewrap.', remedy: 'Install it.' },
    ],
    explainUrl: createExplain({ routes, accounts, policy }, address),
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
  } satisfies ApiOptions & { prefix: string });
  await app.ready();
  t.teardown(async () => {
    await app.close();
    watch.close();
    await denials.close();
    await policy.close();
    await tokens.close();
    await sessions.close();
    await store.close();
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
    accounts,
    tokens,
    store,
    sessions,
    throttle,
    policy,
    routes,
    audit,
    live,
    clock,
    hub,
    person,
    signIn,
    logged,
    call: caller(app),
  };
}

export type Call = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
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
