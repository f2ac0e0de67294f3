import { Agent, type buildConnector, type Dispatcher, request } from 'undici';
import type { Clock, Log } from '../lib/index.ts';
import { type At, type CredentialsKeeper, keepCredentials, type KubeCredentials } from './credentials.ts';
import { dial } from './dial.ts';
import { unreachable } from './faults.ts';
import type { KubeRequest } from './request.ts';
import { type KubeSocket, openSocket, type SocketRequest } from './socket.ts';

/** The way to one API server as one identity: one pool of connections for all requests. */
export type KubeConnection = {
  /** Its address; for messages to administrators. */
  server: string;
  /** Sends one request. Errors of the way are `KNOT_KUBE_UNREACHABLE`; an answer of any status is an answer. */
  send(asked: KubeRequest): Promise<Dispatcher.ResponseData>;
  /** Opens a WebSocket. @throws KnotError what the API server answered instead, or `KNOT_KUBE_UNREACHABLE` */
  open(asked: SocketRequest): Promise<KubeSocket>;
  /** What another program (Helm, an upgrade) needs to say who Knot is. */
  credentials(): Promise<KubeCredentials>;
  close(): Promise<void>;
};

const usualTimeoutMs = 30_000;

type Pools = { requests: Agent; streams: Agent };

/**
 * Opens the way that a kubeconfig names, or that of the pod this runs in. Nothing is sent yet.
 * @throws KnotError KNOT_KUBE_CONFIG when there is no such file or context.
 */
export async function connect(at: At, parts: { clock: Clock; log: Log }): Promise<KubeConnection> {
  const keeper = await keepCredentials(at, parts);
  const pools = keepPools();
  const sockets = new Set<KubeSocket>();

  async function once(asked: KubeRequest, credentials: KubeCredentials): Promise<Dispatcher.ResponseData> {
    const { requests, streams } = pools.of(credentials);
    const timeout = asked.timeoutMs ?? usualTimeoutMs;
    return request(addressOf(credentials.server, asked), {
      dispatcher: asked.isStream ? streams : requests,
      method: asked.method,
      headers: { accept: 'application/json', ...headersOf(credentials, asked) },
      body: asked.body ?? null,
      signal: asked.signal ?? null,
      headersTimeout: timeout,
      bodyTimeout: asked.isStream ? 0 : timeout,
    });
  }

  return {
    server: keeper.server,
    async send(asked) {
      try {
        return await asKnown(keeper, async (credentials, again) => {
          const answer = await once(asked, credentials);
          if (answer.statusCode !== 401 || !(await again())) return answer;
          await answer.body.dump();
          return undefined;
        });
      } catch (error) {
        if (asked.signal?.aborted) throw error;
        throw unreachable(error, `${asked.method} ${asked.path}`);
      }
    },
    open: (asked) =>
      asKnown(keeper, async (credentials, again) => {
        const url = addressOf(credentials.server, asked);
        const opened = await openSocket({ url, ...asked, headers: headersOf(credentials, asked) }, () =>
          dial(credentials, asked.signal),
        );
        if (!('fault' in opened)) {
          sockets.add(opened);
          opened.once('close', () => sockets.delete(opened));
          return opened;
        }
        if (opened.status === 401 && (await again())) return undefined;
        throw opened.fault;
      }),
    credentials: () => keeper.get(),
    async close() {
      for (const socket of sockets) socket.terminate();
      await pools.close();
    },
  };
}

/** Does something as who Knot is; once more when that was renewed because the API server did not know it. */
async function asKnown<T>(
  keeper: CredentialsKeeper,
  act: (credentials: KubeCredentials, again: () => Promise<boolean>) => Promise<T | undefined>,
): Promise<T> {
  const first = await keeper.get();
  let renewed = first;
  const done = await act(first, async () => {
    renewed = await keeper.get(first);
    return renewed !== first;
  });
  return done ?? (await act(renewed, () => Promise.resolve(false)))!;
}

function addressOf(server: URL, { path, query = {} }: Pick<KubeRequest, 'path' | 'query'>): URL {
  const url = new URL(server.pathname.replace(/\/$/, '') + path, server);
  for (const [name, value] of Object.entries(query))
    if (Array.isArray(value)) for (const one of value as string[]) url.searchParams.append(name, one);
    else if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

/** Whoever a request names to be made as takes the place of whom the kubeconfig names. */
function headersOf(
  { authorization, impersonate }: KubeCredentials,
  { headers = {} }: Pick<KubeRequest, 'headers'>,
): Record<string, string | string[]> {
  const as =
    impersonate === undefined || 'impersonate-user' in headers
      ? {}
      : { 'impersonate-user': impersonate.user, 'impersonate-group': impersonate.groups };
  return { ...(authorization !== undefined && { authorization }), ...as, ...headers };
}

/** Pools of connections, new ones when certificates or addresses are others: one for requests, one for what stays open. */
function keepPools() {
  let held: (Pools & { key: string }) | undefined;
  let keyed: { credentials: KubeCredentials; key: string } | undefined;
  const keyOf = (credentials: KubeCredentials): string => {
    if (keyed?.credentials !== credentials) {
      const { server, proxy, tls } = credentials;
      const key = JSON.stringify([server, proxy, tls]);
      keyed = { credentials, key };
    }
    return keyed.key;
  };
  return {
    of(credentials: KubeCredentials): Pools {
      const key = keyOf(credentials);
      if (held?.key === key) return held;
      // What is under way on the old connections ends there.
      void held?.requests.close();
      void held?.streams.close();
      const options = { keepAliveTimeout: 30_000, connect: connectorOf(credentials), allowH2: false };
      held = { key, requests: new Agent({ ...options, connections: 32 }), streams: new Agent(options) };
      return held;
    },
    async close() {
      await Promise.all([held?.requests.destroy(), held?.streams.destroy()]);
    },
  };
}

function connectorOf(credentials: KubeCredentials): buildConnector.connector | buildConnector.BuildOptions {
  if (credentials.proxy === undefined)
    return { ...credentials.tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
  return (_options, callback) => {
    dial(credentials).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error as Error, null),
    );
  };
}
