import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { kinds, type KubeObject } from '../../../gateway/kube/index.ts';
import { type Clock, systemClock } from '../../../gateway/lib/index.ts';
import { selfSignedPair } from '../net/self-signed.ts';
import { createObjects, type Place, Refusal } from './objects.ts';
import { selectorOf } from './selectors.ts';
import { serveWatch, type Watcher } from './watches.ts';

export type Asked = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  isWatch: boolean;
  /** Name in the certificate that was shown. */
  certificate: string | undefined;
};

/** What goes wrong with a request. The last four are about watches: what they do after their head was sent. */
export type Fault =
  | { status: number; reason?: string; retryAfterS?: number }
  /** It is answered as ever, but not before that. */
  | { after: Promise<void> }
  /** The connection is cut before there is an answer. */
  | 'reset'
  /** There never is one. */
  | 'hang'
  /** Nothing comes any more, whatever happens; the connection stays. */
  | 'silent'
  /** An error event: what was seen last is forgotten. */
  | 'gone'
  | { cutAfter: number }
  /** Cut in the middle of the line after as many. */
  | { truncateAfter: number }
  /** Says that before all else. */
  | { say: string };

export type FakeApiServer = {
  url: string;
  /** PEM. */
  ca: string;
  requests: Asked[];
  /** Tokens that are accepted. */
  tokens: Set<string>;
  /** The next `times` requests that it is about fail so. */
  fail(fault: Fault, about?: (asked: Asked) => boolean, times?: number): void;
  /** Nothing fails any more. */
  recover(): void;
  /** How far its clock is ahead of that of who asks. */
  clockAheadMs: number;
  /** Answers requests for logs. */
  onLog: (asked: Asked, response: ServerResponse) => void;
  /** What is at the other end of WebSockets (`exec`, `portforward`); without it they are refused. */
  onSocket: ((socket: WebSocket, asked: URL, headers: IncomingMessage['headers']) => void) | undefined;
  /** Protocols that are spoken there, best first. */
  protocols: string[];
  /** Tells every watch that asked for it up to which version it knows all. */
  bookmark(): void;
  /** Forgets what happened up to now: watches cannot go on from there. */
  compact(): void;
  watchers(): number;
  /** From now on it shows another certificate, of another authority (PEM). */
  renewCertificate(): string;
  /** Ends all connections at once, as a restart does. */
  cut(): void;
  close(): Promise<void>;
};

const address =
  /^\/api(?:s\/([^/]+))?\/(v[^/]+)(?:\/namespaces\/([^/]+)(?=\/[^/]))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;
const lists = new Map<string, string>();

/**
 * A small API server in this process for what a real one cannot be made to do at a wish: forget, fall silent, refuse, cut. What it does
 * otherwise, `test/kube/api-server.ts` compares with a real one.
 */
export async function startFakeApiServer({
  token = 'admin',
  clock = systemClock,
}: { token?: string; clock?: Clock } = {}): Promise<FakeApiServer> {
  const { key, cert } = selfSignedPair();
  const objects = createObjects();
  const watchers = new Set<Watcher>();
  const faults: { fault: Fault; about: (asked: Asked) => boolean; times: number }[] = [];
  const pages = new Map<string, { items: KubeObject[]; version: number }>();
  const requests: Asked[] = [];
  const tokens = new Set([token]);
  let oldest = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('date', new Date(clock.now() + fake.clockAheadMs).toUTCString());
    const url = new URL(request.url!, 'https://fake');
    const query = url.searchParams;
    const isWatch = query.get('watch') === 'true';
    const certificate = (request.socket as TLSSocket).getPeerCertificate()?.subject?.CN as string | undefined;
    const asked = {
      method: request.method!,
      path: url.pathname,
      query,
      headers: request.headers,
      isWatch,
      certificate,
    };
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    requests.push(asked);
    const planned = faults.find(({ about, times }) => times > 0 && about(asked));
    if (planned !== undefined) planned.times -= 1;
    const fault = planned?.fault;
    if (typeof fault === 'object' && 'after' in fault) await fault.after;
    if (fault === 'hang') return;
    if (fault === 'reset') return void request.socket.destroy();
    try {
      if (typeof fault === 'object' && 'status' in fault) {
        if (fault.retryAfterS !== undefined) response.setHeader('retry-after', fault.retryAfterS);
        throw new Refusal(fault.status, fault.reason ?? 'Scripted', 'scripted');
      }
      if (certificate === undefined && !tokens.has(request.headers.authorization?.replace(/^Bearer /, '') ?? ''))
        throw new Refusal(401, 'Unauthorized', 'Unauthorized');
      const place = placeOf(url.pathname);
      if (place.part === 'log') return fake.onLog(asked, response);
      if (isWatch) {
        const select = selectorOf(query.get('labelSelector'), query.get('fieldSelector'));
        const shape = shapeOf(request.headers.accept);
        return serveWatch({ response, objects, place, query, select, shape, fault, oldest, watchers });
      }
      const body = parts.length === 0 ? undefined : (JSON.parse(Buffer.concat(parts).toString()) as KubeObject);
      if (place.part === 'token') return answer(response, 201, tokenFor(place, body!));
      answer(response, request.method === 'POST' ? 201 : 200, act(asked, place, body));
    } catch (error) {
      const { code, reason, message } =
        error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error));
      answer(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code });
    }
  }

  function act({ method, query, headers }: Asked, place: Place, body: KubeObject | undefined): unknown {
    const manager = query.get('fieldManager') ?? 'unknown';
    const isDry = query.get('dryRun') === 'All';
    switch (method) {
      case 'GET':
        return place.name === undefined ? list(place, query, headers.accept) : objects.get(place);
      case 'POST':
        lists.set(`${place.group}/${place.plural}`, body!.kind);
        return objects.create(place, body!, manager, isDry);
      case 'PUT':
        return objects.replace(place, body!, manager);
      case 'DELETE':
        return objects.remove(place, body as { preconditions?: { uid?: string } } | undefined);
      default:
        if (headers['content-type'] === 'application/apply-patch+yaml')
          return objects.apply(place, body!, manager, query.get('force') === 'true', isDry);
        return objects.merge(place, body, manager);
    }
  }

  function list(place: Place, query: URLSearchParams, accept: string | undefined): unknown {
    const token = query.get('continue');
    const before = token === null ? undefined : pages.get(token);
    if (token !== null && before === undefined) throw new Refusal(410, 'Expired', 'the continue token is too old');
    const select = selectorOf(query.get('labelSelector'), query.get('fieldSelector'));
    const { items, version } = before ?? { items: objects.all(place).filter(select), version: objects.version() };
    const limit = Number(query.get('limit') ?? 0) || items.length;
    const rest = items.slice(limit);
    const next = rest.length === 0 ? undefined : `${version}-${pages.size}`;
    if (next !== undefined) pages.set(next, { items: rest, version });
    const shape = shapeOf(accept);
    return {
      ...{ kind: `${lists.get(`${place.group}/${place.plural}`) ?? ''}List`, apiVersion: place.group },
      metadata: { resourceVersion: String(version), ...(next !== undefined && { continue: next }) },
      items: items.slice(0, limit).map(shape),
    };
  }

  const server = createServer(
    { key, cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => void serve(request, response),
  );
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  const streams = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => fake.protocols.find((one) => offered.has(one)) ?? false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const url = new URL(request.url!, 'https://fake');
    const isKnown = tokens.has(request.headers.authorization?.replace(/^Bearer /, '') ?? '');
    if (isKnown && fake.onSocket !== undefined)
      return streams.handleUpgrade(request, socket, head, (opened) => fake.onSocket!(opened, url, request.headers));
    const [code, reason] = isKnown ? [404, 'NotFound'] : [401, 'Unauthorized'];
    const body = JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message: 'scripted',
      reason,
      code,
    });
    socket.end(`HTTP/1.1 ${code} ${reason}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const cut = () => sockets.forEach((socket) => socket.destroy());

  const fake: FakeApiServer = {
    clockAheadMs: 0,
    onLog: (_asked, response) => void response.end(),
    onSocket: undefined,
    protocols: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: cert,
    requests,
    tokens,
    fail: (fault, about = () => true, times = 1) => void faults.push({ fault, about, times }),
    recover: () => void (faults.length = 0),
    bookmark: () => watchers.forEach((watcher) => watcher.bookmark()),
    compact: () => void (oldest = objects.version()),
    watchers: () => watchers.size,
    renewCertificate() {
      const pair = selfSignedPair();
      server.setSecureContext(pair);
      return pair.cert;
    },
    cut,
    async close() {
      if (!server.listening) return;
      server.close();
      cut();
      await once(server, 'close');
    },
  };
  return fake;
}

function placeOf(path: string): Place {
  const [, group, version, namespace, plural, name, part] = address.exec(path) ?? [];
  const apiVersion = group === undefined ? version : `${group}/${version}`;
  if (!Object.values(kinds).some((kind) => kind.apiVersion === apiVersion && kind.plural === plural))
    throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
  return { group: apiVersion!, plural: plural!, namespace, name, part };
}

/** TokenRequest of an account, which need not be there. */
function tokenFor({ namespace, name }: Place, asked: KubeObject): unknown {
  return { ...asked, status: { token: `token-of-${namespace}-${name}` } };
}

/** Whole objects, or what is said of each of them (`as=PartialObjectMetadata`). */
function shapeOf(accept: string | undefined): (object: KubeObject) => KubeObject {
  if (!accept?.includes('as=PartialObjectMetadata')) return (object) => object;
  return ({ metadata }) => ({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
