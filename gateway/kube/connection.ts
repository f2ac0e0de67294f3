import type { ConnectionOptions } from 'node:tls';
import { Agent, type Dispatcher, request } from 'undici';
import { type Clock, knotError } from '../lib/index.ts';
import { unreachable } from './faults.ts';

export type KubeRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | string[]>;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
  /** How long the head of the answer and each part of its body may take; 30 s. Milliseconds, 0 for ever. */
  timeoutMs?: number;
  /** Its body comes for as long as it lives, in its own time, and on a connection that requests do not wait for. */
  isStream?: boolean;
};

/** The way to one API server as one identity: one pool of connections for all requests. */
export type KubeConnection = {
  /** Its address; for messages to administrators. */
  server: string;
  /** Sends one request. Errors of the way are `KNOT_KUBE_UNREACHABLE`; an answer of any status is an answer. */
  send(asked: KubeRequest): Promise<Dispatcher.ResponseData>;
  /** What another program (Helm, an upgrade) needs to say who Knot is. */
  credentials(): Promise<KubeCredentials>;
  close(): Promise<void>;
};

export type KubeCredentials = {
  authorization: string | undefined;
  /** PEM. */
  tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
};

/** Tokens in a pod live an hour and are renewed after four fifths of it; exec plugins keep their own time. */
const credentialsMs = 60_000;
const usualTimeoutMs = 30_000;

/**
 * Opens the way that a kubeconfig names, or that of the pod this runs in. Nothing is sent yet.
 * @throws KnotError KNOT_KUBE_CONFIG when there is no such file or context.
 */
export async function connect(
  { kubeconfig, context }: { kubeconfig?: string | undefined; context?: string | undefined },
  { clock }: { clock: Clock },
): Promise<KubeConnection> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
    if (context !== undefined) config.setCurrentContext(context);
  } catch (error) {
    throw unusable(error instanceof Error ? error.message : String(error));
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw unusable(`there is no context ${JSON.stringify(config.getCurrentContext())}`);
  const server = new URL(cluster.server);

  let held: { at: number; found: KubeCredentials; fingerprint: string } | undefined;
  /** One for requests, one for what stays open: streams never keep requests waiting. */
  let pools: { requests: Agent; streams: Agent } | undefined;
  async function credentials(isStale = false): Promise<KubeCredentials> {
    if (held !== undefined && !isStale && clock.now() - held.at < credentialsMs) return held.found;
    const options: { headers?: Record<string, string> } & KubeCredentials['tls'] = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(([, value]) => value !== undefined),
    ) as KubeCredentials['tls'];
    const found = { authorization: options.headers?.['Authorization'], tls };
    const fingerprint = JSON.stringify(Object.values(tls).map(String));
    if (pools === undefined || fingerprint !== held?.fingerprint) {
      // What is under way on the old connections ends there.
      void pools?.requests.close();
      void pools?.streams.close();
      const options = { keepAliveTimeout: 30_000, connect: { ...tls, timeout: 10_000 } };
      pools = { requests: new Agent({ ...options, connections: 32 }), streams: new Agent(options) };
    }
    held = { at: clock.now(), found, fingerprint };
    return found;
  }

  async function once(asked: KubeRequest, isStale: boolean): Promise<Dispatcher.ResponseData> {
    const { authorization } = await credentials(isStale);
    const url = new URL(server.pathname.replace(/\/$/, '') + asked.path, server);
    for (const [name, value] of Object.entries(asked.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const timeout = asked.timeoutMs ?? usualTimeoutMs;
    return request(url, {
      dispatcher: asked.isStream ? pools!.streams : pools!.requests,
      method: asked.method,
      headers: { accept: 'application/json', ...(authorization && { authorization }), ...asked.headers },
      body: asked.body ?? null,
      signal: asked.signal ?? null,
      headersTimeout: timeout,
      bodyTimeout: asked.isStream ? 0 : timeout,
    });
  }

  return {
    server: server.href,
    async send(asked) {
      try {
        const answer = await once(asked, false);
        // A token that was just replaced.
        if (answer.statusCode !== 401) return answer;
        await answer.body.dump();
        return await once(asked, true);
      } catch (error) {
        if (asked.signal?.aborted) throw error;
        throw unreachable(error, `${asked.method} ${asked.path}`);
      }
    },
    credentials: () => credentials(),
    async close() {
      await Promise.all([pools?.requests.destroy(), pools?.streams.destroy()]);
    },
  };
}

const unusable = (why: string) =>
  knotError('KNOT_KUBE_CONFIG', 500, `The way to the cluster cannot be read: ${why}.`, {
    remedy: 'See kubernetes.kubeconfig and kubernetes.context in knot.yaml.',
  });
