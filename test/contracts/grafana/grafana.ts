import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Answered, createApi, type State } from './api.ts';
import { readConfiguration } from './configuration.ts';
import { createOauthPeople, type Tokens } from './oauth.ts';
import { isNewer } from '../../../gateway/lib/index.ts';
import { addUser, createTokenPeople, Refused, type User } from './people.ts';

/** A session of its own, and the tokens it stands on where it came of an OpenID provider. */
type Session = { user: User; tokens?: Tokens };
type Said = Answered & { type?: string; cookies?: string[]; to?: string };

export type ContractGrafana = {
  origin: string;
  adminPassword: string;
  state: State;
  /** Every request, as it came: for what must not reach it. */
  requests: { method: string; path: string; headers: IncomingMessage['headers'] }[];
  /** Has its own session for somebody, and returns the cookie. */
  leaveSession(login: string): string;
  /** Instead of an answer, where it says so. */
  meddle?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** As `GET /api/health` tells it; before 12.2 nobody else's authority is trusted for keys (grafana#109095). */
  version: string;
  /** Why sign-ins by an OpenID provider failed. */
  failures: string[];
  /** The access tokens of all sessions are over. */
  expireTokens(): void;
  configure(ini: string): void;
  stop(): Promise<void>;
};

const sessionIdOf = (cookie: string | undefined): string =>
  /(?:^|; ?)grafana_session=([^;]+)/.exec(cookie ?? '')?.[1] ?? '';

/** Starts a Grafana with a configuration, as an operator pastes it. */
export async function startGrafana(ini = ''): Promise<ContractGrafana> {
  const adminPassword = randomUUID();
  const users: User[] = [];
  const admin = addUser(users, { login: 'admin', email: 'admin@localhost', name: 'Admin' });
  Object.assign(admin, { role: 'Admin', isServerAdmin: true });
  let version = '13.0.1';
  /** Settings that this version does not know are as if they were not there. */
  function understood(text: string): State['configuration'] {
    const configuration = readConfiguration(text);
    if (isNewer('12.2', version)) delete configuration['auth.jwt']?.['tls_client_ca'];
    return configuration;
  }
  const state: State = {
    configuration: understood(ini),
    ...{ users, teams: [], folders: new Map(), dashboards: new Map(), dataSources: new Map() },
  };
  const api = createApi(state);
  const sessions = new Map<string, Session>();
  let oauth = createOauthPeople(state.configuration, users);
  let people = createTokenPeople(state.configuration, users);
  const requests: ContractGrafana['requests'] = [];
  const failures: string[] = [];

  /** The order of Grafana's ways to sign in, with a session before the token as in the versions where it outranked it. */
  async function whoAsks({ headers }: IncomingMessage): Promise<User> {
    const id = sessionIdOf(headers.cookie);
    const session = sessions.get(id);
    if (session) {
      const tokens = session.tokens && (await oauth.keep(session.tokens));
      if (session.tokens !== undefined && tokens === undefined) sessions.delete(id);
      else if (!session.user.isDisabled) {
        if (tokens) session.tokens = tokens;
        return session.user;
      }
    }
    const token = headers[people.field];
    if (people.isEnabled && typeof token === 'string') return people.find(token);
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (basic === undefined) throw new Refused(401, 'Unauthorized');
    const [login, password] = Buffer.from(basic, 'base64').toString().split(':');
    if (login !== 'admin' || password !== adminPassword) throw new Refused(401, 'Invalid username or password');
    return admin;
  }

  function begin(session: Session): string[] {
    const id = createHash('sha256').update(randomUUID()).digest('hex').slice(0, 32);
    sessions.set(id, session);
    // The page itself reads when it has to ask for another.
    return [
      `grafana_session=${id}; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax`,
      `grafana_session_expiry=${Math.floor(Date.now() / 1000) + 600}; Path=/; Max-Age=2592000; Secure; SameSite=Lax`,
    ];
  }

  /** The pages by which a browser comes and goes. */
  async function signIn(incoming: IncomingMessage, url: URL): Promise<Said | undefined> {
    const redirect = (to: string, cookies: string[] = []): Said => ({ status: 302, body: '', to, cookies });
    switch (url.pathname) {
      case '/login':
        // What went wrong is shown, and not tried again and again.
        if (/(?:^|; ?)login_error=/.test(incoming.headers.cookie ?? ''))
          return {
            status: 200,
            body: '<html>Login failed</html>',
            type: 'text/html',
            cookies: ['login_error=; Path=/; Max-Age=0'],
          };
        if (state.configuration['auth']?.['oauth_auto_login'] === 'true') return redirect('/login/generic_oauth');
        return { status: 200, body: '<html><form>Password</form></html>', type: 'text/html' };
      case '/login/generic_oauth': {
        if (!oauth.isEnabled) throw new Refused(404, 'OAuth not enabled');
        if (!url.searchParams.has('code') && !url.searchParams.has('error')) {
          const { to, cookies } = oauth.begin();
          return redirect(to, cookies);
        }
        try {
          const cookies = begin(await oauth.end(incoming, url.searchParams));
          const to = /(?:^|; ?)redirect_to=([^;]+)/.exec(incoming.headers.cookie ?? '')?.[1];
          return redirect(to === undefined ? '/' : decodeURIComponent(to), [...cookies, ...oauth.spent]);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          failures.push(error.message);
          return redirect('/login', ['login_error=1; Path=/; Max-Age=60; HttpOnly; Secure', ...oauth.spent]);
        }
      }
      case '/logout':
        sessions.delete(sessionIdOf(incoming.headers.cookie));
        return redirect(state.configuration['auth']?.['signout_redirect_url'] ?? '/login', [
          'grafana_session=; Path=/; Max-Age=0; HttpOnly; Secure',
          'grafana_session_expiry=; Path=/; Max-Age=0; Secure',
        ]);
    }
    return undefined;
  }

  async function answer(incoming: IncomingMessage, body: Buffer): Promise<Said> {
    const url = new URL(incoming.url!, 'http://grafana');
    if (url.pathname === '/api/health') return { status: 200, body: { database: 'ok', version, commit: 'contract' } };
    const page = await signIn(incoming, url);
    if (page) return page;
    const isPage = !url.pathname.startsWith('/api/');
    const user = await whoAsks(incoming).catch((error: unknown) => {
      if (isPage && oauth.isEnabled && error instanceof Refused) return undefined;
      throw error;
    });
    if (user === undefined) {
      const wanted = `redirect_to=${encodeURIComponent(incoming.url!)}; Path=/; Max-Age=60; HttpOnly; Secure`;
      return { status: 302, body: '', to: '/login', cookies: [wanted] };
    }
    const proxied = /^\/api\/datasources\/proxy\/uid\/([^/]+)(\/.*)$/.exec(url.pathname);
    if (proxied) return askDataSource(proxied[1]!, `${proxied[2]}${url.search}`, incoming, body);
    if (isPage) return { status: 200, body: `<html>Hello ${user.login}</html>`, type: 'text/html' };
    const said = body.length > 0 ? (JSON.parse(body.toString()) as unknown) : undefined;
    return api({ user, method: incoming.method!, path: url.pathname, query: url.searchParams, body: said });
  }

  /** Of a browser's cookies only those go on that the data source names; its own session and credentials never. */
  async function askDataSource(uid: string, path: string, incoming: IncomingMessage, body: Buffer): Promise<Answered> {
    const source = state.dataSources.get(uid);
    if (source === undefined) throw new Refused(404, 'Data source not found');
    const kept = new Set<string>(source.jsonData?.keepCookies ?? []);
    const cookies = (incoming.headers.cookie ?? '').split('; ').filter((pair) => kept.has(pair.split('=', 1)[0]!));
    const { tlsCACert } = (source.secureJsonData ?? {}) as { tlsCACert?: string };
    const isTrusted = source.jsonData?.tlsAuthWithCACert === true && tlsCACert !== undefined;
    const dispatcher = new Agent({ connect: isTrusted ? { ca: tlsCACert } : {} });
    try {
      const reply = await request(`${source.url}${path}`, {
        dispatcher,
        method: incoming.method as 'GET' | 'POST',
        headers: {
          ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
          ...(incoming.headers['content-type'] !== undefined && { 'content-type': incoming.headers['content-type'] }),
        },
        ...(body.length > 0 && { body }),
      });
      return { status: reply.statusCode, body: (await reply.body.json()) as unknown };
    } finally {
      await dispatcher.close();
    }
  }

  const server = createServer((incoming, response) => {
    if (grafana.meddle?.(incoming, response)) return;
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      requests.push({ method: incoming.method!, path: incoming.url!, headers: incoming.headers });
      answer(incoming, Buffer.concat(chunks))
        .catch((error: unknown): Said => {
          if (error instanceof Refused) return { status: error.status, body: { message: error.message } };
          return { status: 500, body: { message: String(error) } };
        })
        .then(({ status, body, type, to, cookies = [] }) => {
          response.writeHead(status, {
            'content-type': type ?? 'application/json',
            ...(cookies.length > 0 && { 'set-cookie': cookies }),
            ...(to !== undefined && { location: to }),
          });
          response.end(type === undefined ? JSON.stringify(body) : String(body));
        });
    });
  });

  /** Live: the origin must be that of root_url (Grafana, "Set up Grafana Live", allowed_origins). */
  const live = new WebSocketServer({ noServer: true });
  server.on('upgrade', (incoming, socket, head) => {
    requests.push({ method: 'GET', path: incoming.url!, headers: incoming.headers });
    const expected = new URL(state.configuration['server']?.['root_url'] ?? 'http://localhost').origin;
    void whoAsks(incoming)
      .then(() => {
        if (incoming.headers.origin !== expected) throw new Refused(403, 'origin not allowed');
        live.handleUpgrade(incoming, socket, head, (connection: WebSocket) => connection.send('{"connect":{}}'));
      })
      .catch((error: unknown) => {
        const status = error instanceof Refused ? error.status : 500;
        socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const grafana: ContractGrafana = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    adminPassword,
    state,
    requests,
    failures,
    get version() {
      return version;
    },
    set version(told) {
      version = told;
    },
    leaveSession: (login) => begin({ user: users.find((one) => one.login === login)! })[0]!.split(';')[0]!,
    expireTokens() {
      for (const { tokens } of sessions.values()) if (tokens) tokens.expiresAt = 0;
    },
    configure(text) {
      for (const section of Object.keys(state.configuration)) delete state.configuration[section];
      Object.assign(state.configuration, understood(text));
      people = createTokenPeople(state.configuration, users);
      oauth = createOauthPeople(state.configuration, users);
    },
    async stop() {
      for (const client of live.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return grafana;
}
