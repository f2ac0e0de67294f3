import fastify, { type FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import type { Accounts } from '../../gateway/accounts/index.ts';
import type { Audit } from '../../gateway/audit/index.ts';
import { type Config, publicAddress } from '../../gateway/config/index.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { createThrottle, type LoginOptions, loginRoutes } from '../../gateway/login/index.ts';
import { createMail } from '../../gateway/mail/index.ts';
import type { Route } from '../../gateway/routes/index.ts';
import { createIdentify } from '../../gateway/app/identify.ts';
import type { Sessions } from '../../gateway/sessions/index.ts';
import type { Store } from '../../gateway/store/index.ts';
import { openTestFacts } from '../support/house/facts.ts';

export const origin = 'https://localhost:8443';
export const password = 'correct horse battery staple';
export const chrome =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

const hosts = new Set(['jupyterhub.localhost', 'echo.localhost']);

export type Answer = {
  status: number;
  location: string | undefined;
  headers: Record<string, string | string[] | number | undefined>;
  body: string;
  /** `name=value` of the session cookie that was set, if any. */
  cookie: string | undefined;
};

export type Fixture = {
  app: FastifyInstance;
  clock: ReturnType<typeof createManualClock>;
  store: Store;
  accounts: Accounts;
  sessions: Sessions;
  audit: Audit;
  /** Central ids of the sessions that ended. */
  signedOut: string[];
  get(url: string, cookie?: string): Promise<Answer>;
  /** Posts a form as a browser does from our own page; `headers` override. */
  post(url: string, fields: Record<string, string>, headers?: Record<string, string | undefined>): Promise<Answer>;
  addUser(username: string, state?: 'active' | 'pending'): Promise<string>;
  /** Sets Knot up: until there is an administrator, nobody signs up. */
  addAdmin(username?: string): Promise<string>;
  signIn(username: string): Promise<string>;
};

export type Settings = {
  signUp?: Config['signUp'];
  login?: Partial<Config['login']>;
  caPem?: string | undefined;
  options?: Partial<LoginOptions>;
  /** Certificate of a real listener, for browsers. */
  https?: { cert: string; key: string };
};

/** The sign-in pages over real accounts, sessions, audit and store; only the listener is missing. */
export async function createFixture(
  t: Test,
  { signUp = 'approval', login, caPem, options, https }: Settings = {},
): Promise<Fixture> {
  const clock = createManualClock();
  const lifetimes = { idleSeconds: 3600, absoluteSeconds: 24 * 3600 };
  const throttled = { attemptsPerAccount: 4, attemptsPerAddress: 12, attemptsByStrangers: 20, linkSeconds: 3600 };
  const facts = await openTestFacts(t, {
    clock,
    config: { signUp, login: { ...throttled, ...login }, sessions: lifetimes },
  });
  const { store, audit, accounts, sessions, config } = facts;
  const signedOut: string[] = [];
  sessions.onEnded((centralId) => void signedOut.push(centralId));
  const app = (https ? fastify({ https }) : fastify()) as FastifyInstance;
  t.teardown(() => app.close());
  await app.register(loginRoutes, {
    accounts,
    sessions,
    audit,
    identify: createIdentify(sessions, accounts),
    findRoute: (host) => (hosts.has(host) ? ({ host, title: host } as Route) : undefined),
    publicAddress: publicAddress({ domain: 'localhost' }, 8443),
    config,
    throttle: createThrottle({ store, clock, config: config.login, accountOf: accounts.findSignIn }),
    mail: createMail({ settings: undefined, log: silentLog }),
    caPem: () => caPem,
    clock,
    log: silentLog,
    addressOf: (request) => request.ip,
    ...options,
  });

  async function send(
    method: 'GET' | 'POST',
    url: string,
    headers: Record<string, string | undefined>,
    payload?: string,
  ) {
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const answer = await app.inject({
      method,
      url,
      headers: sent as Record<string, string>,
      ...(payload === undefined ? {} : { payload }),
    });
    const set = answer.headers['set-cookie'];
    return {
      status: answer.statusCode,
      location: answer.headers.location,
      headers: answer.headers as Answer['headers'],
      body: answer.body,
      cookie: cookieIn(set, '__Host-knot'),
    };
  }

  const post: Fixture['post'] = (url, fields, headers = {}) =>
    send(
      'POST',
      url,
      {
        'content-type': 'application/x-www-form-urlencoded',
        'user-agent': chrome,
        origin,
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
      new URLSearchParams(fields).toString(),
    );

  return {
    app,
    clock,
    store,
    accounts,
    sessions,
    audit,
    signedOut,
    get: (url, cookie) => send('GET', url, { 'user-agent': chrome, cookie }),
    post,
    async addUser(username, state = 'active') {
      const actor = { name: 'cli' };
      return (await accounts.createUser({ username, email: `${username}@example.org`, password, state }, actor)).id;
    },
    async addAdmin(username = 'olga') {
      const user = { username, email: `${username}@example.org`, password, isAdmin: true, state: 'active' } as const;
      return (await accounts.createUser(user, { name: 'cli' })).id;
    },
    async signIn(username) {
      const answer = await post('/login', { username, password });
      if (answer.cookie === undefined) throw new Error(`sign-in of ${username} answered ${answer.status}`);
      return answer.cookie;
    },
  };
}

/** `name=value` of one of the cookies that an answer sets. */
export function cookieIn(set: string | string[] | undefined, name: string): string | undefined {
  return [set ?? []]
    .flat()
    .map((line) => line.split(';', 1)[0]!)
    .find((pair) => pair.startsWith(`${name}=`));
}
