import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Answered, createApi, type State } from './api.ts';
import { readConfiguration } from './configuration.ts';
import { addUser, createTokenPeople, Refused, type User } from './people.ts';

export type ContractGrafana = {
  origin: string;
  adminPassword: string;
  state: State;
  /** Every request, as it came: for what must not reach it. */
  requests: { method: string; path: string; headers: IncomingMessage['headers'] }[];
  /** Answers so to everything, until it is called with nothing. */
  failWith(status?: number): void;
  /** Has its own session for somebody, and returns the cookie. */
  leaveSession(login: string): string;
  configure(ini: string): void;
  stop(): Promise<void>;
};

/** Starts a Grafana with a configuration, as an operator pastes it. */
export async function startGrafana(ini = ''): Promise<ContractGrafana> {
  const adminPassword = randomUUID();
  const users: User[] = [];
  const admin = addUser(users, { login: 'admin', email: 'admin@localhost', name: 'Admin' });
  Object.assign(admin, { role: 'Admin', isServerAdmin: true });
  const state: State = {
    configuration: readConfiguration(ini),
    ...{ users, teams: [], folders: new Map(), dashboards: new Map(), dataSources: new Map() },
  };
  const api = createApi(state);
  const sessions = new Map<string, User>();
  let people = createTokenPeople(state.configuration, users);
  let failing: number | undefined;
  const requests: ContractGrafana['requests'] = [];

  /** The order of Grafana's ways to sign in, with a session before the token as in the versions where it outranked it. */
  async function whoAsks({ headers }: IncomingMessage): Promise<User> {
    const session = sessions.get(/(?:^|; ?)grafana_session=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? '');
    if (session) return session;
    const token = headers[people.field];
    if (people.isEnabled && typeof token === 'string') return people.find(token);
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (basic === undefined) throw new Refused(401, 'Unauthorized');
    const [login, password] = Buffer.from(basic, 'base64').toString().split(':');
    if (login !== 'admin' || password !== adminPassword) throw new Refused(401, 'Invalid username or password');
    return admin;
  }

  async function answer(incoming: IncomingMessage, body: Buffer): Promise<Answered & { type?: string }> {
    const url = new URL(incoming.url!, 'http://grafana');
    if (url.pathname === '/api/health')
      return { status: 200, body: { database: 'ok', version: '13.0.1', commit: 'contract' } };
    const user = await whoAsks(incoming);
    const proxied = /^\/api\/datasources\/proxy\/uid\/([^/]+)(\/.*)$/.exec(url.pathname);
    if (proxied) return askDataSource(proxied[1]!, `${proxied[2]}${url.search}`, incoming, body);
    if (!url.pathname.startsWith('/api/'))
      return { status: 200, body: `<html>Hello ${user.login}</html>`, type: 'text/html' };
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
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      requests.push({ method: incoming.method!, path: incoming.url!, headers: incoming.headers });
      const isFailing = failing !== undefined;
      const work = isFailing
        ? Promise.resolve({ status: failing!, body: { message: 'internal error at 10.0.0.7' }, type: undefined })
        : answer(incoming, Buffer.concat(chunks));
      work
        .catch((error: unknown) => {
          if (error instanceof Refused)
            return { status: error.status, body: { message: error.message }, type: undefined };
          return { status: 500, body: { message: String(error) }, type: undefined };
        })
        .then(({ status, body, type }) => {
          response.writeHead(status, { 'content-type': type ?? 'application/json' });
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

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    adminPassword,
    state,
    requests,
    failWith: (status) => void (failing = status),
    leaveSession(login) {
      const id = createHash('sha256').update(randomUUID()).digest('hex').slice(0, 32);
      sessions.set(
        id,
        users.find((one) => one.login === login)!,
      );
      return `grafana_session=${id}`;
    },
    configure(text) {
      for (const section of Object.keys(state.configuration)) delete state.configuration[section];
      Object.assign(state.configuration, readConfiguration(text));
      people = createTokenPeople(state.configuration, users);
    },
    async stop() {
      for (const client of live.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
