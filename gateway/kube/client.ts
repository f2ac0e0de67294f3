import type { Duplex } from 'node:stream';
import { type Clock, type ComponentHealth, type Log, silentLog } from '../lib/index.ts';
import { createAsk, orNone } from './ask.ts';
import { createCache, type KubeCache, type WatchOptions } from './cache.ts';
import { connect, type KubeConnection } from './connection.ts';
import type { At } from './credentials.ts';
import { type Execution, type ExecOptions, openExec, openPortForward } from './exec.ts';
import { healthOf, type Reach, watchReach } from './health.ts';
import { type Kind, kindOf, pathOf } from './kinds.ts';
import { type LogLine, type LogOptions, readLogs } from './logs.ts';
import type { KubeObject } from './objects.ts';
import { type Pace, usualPace } from './pace.ts';
import { listAll, type Selection } from './pages.ts';
import type { KubeRequest } from './request.ts';
import { type Skew, watchSkew } from './skew.ts';
import type { SocketRequest } from './socket.ts';

/** As whom a request is made in place of Knot: what it may is what they may. */
export type Impersonated = { user: string; groups?: readonly string[] };

export type ListOptions = Omit<Selection, 'kind'>;

export type Kube = {
  connection: KubeConnection;
  /** Undefined when there is none. */
  get<T extends KubeObject = KubeObject>(kind: Kind, name: string, namespace?: string): Promise<T | undefined>;
  /** All of them, page after page. */
  list<T extends KubeObject = KubeObject>(
    kind: Kind,
    options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string }>;
  /**
   * Makes an object what is said of it, and leaves the rest of it alone (server-side apply as `knot`). What somebody else holds is
   * taken over with `force`, which is usual; without it that is `KNOT_KUBE_CONFLICT`.
   */
  apply<T extends KubeObject = KubeObject>(
    object: KubeObject,
    options?: { force?: boolean; dryRun?: boolean; kind?: Kind },
  ): Promise<T>;
  create<T extends KubeObject = KubeObject>(
    object: KubeObject,
    options?: { dryRun?: boolean; kind?: Kind },
  ): Promise<T>;
  /** Changes what a merge patch names (RFC 7396); undefined when there is no such object. */
  merge<T extends KubeObject = KubeObject>(
    kind: Kind,
    name: string,
    namespace: string | undefined,
    patch: Record<string, unknown>,
    options?: { part?: 'status' | 'scale' },
  ): Promise<T | undefined>;
  /** Begins to take an object away; false when there was none. `uid`: only that very one. */
  remove(
    kind: Kind,
    name: string,
    namespace?: string,
    options?: { uid?: string; propagation?: 'Background' | 'Foreground' | 'Orphan'; graceSeconds?: number },
  ): Promise<boolean>;
  /** Keeps all objects of a kind (or those selected) as they are from now on, until it is closed. */
  watch<T = KubeObject>(kind: Kind, options?: WatchOptions<T>): KubeCache<T>;
  /** What a container wrote, line by line, see `readLogs`. */
  logs(namespace: string, pod: string, options?: LogOptions): AsyncGenerator<LogLine>;
  /** Runs a program in a container, see `openExec`. */
  exec(namespace: string, pod: string, options: ExecOptions): Promise<Execution>;
  /** A connection to a port of a pod, see `openPortForward`. */
  portForward(namespace: string, pod: string, port: number, options?: { signal?: AbortSignal }): Promise<Duplex>;
  /** Any other request whose answer is JSON. An answer that is no success is thrown. */
  ask<T>(asked: KubeRequest): Promise<T>;
  /** Whether the cluster answers, and how current what is kept of it is. Names no address. */
  health(): ComponentHealth;
  /** The time there, as far as it is known: what times in objects are compared with. Milliseconds since the epoch. */
  now(): number;
  /** The same cluster as somebody else. */
  as(identity: Impersonated): Kube;
  close(): Promise<void>;
};

const manager = 'knot';

/** Opens the API server that the configuration names. Nothing is asked of it yet. */
export async function openKube(
  at: At,
  { clock, log = silentLog, pace = usualPace }: { clock: Clock; log?: Log; pace?: Pace },
): Promise<Kube> {
  const caches = new Set<KubeCache<unknown>>();
  const parts = { clock, log, pace, caches, reach: watchReach(clock), skew: watchSkew(clock) };
  return kubeOn(await connect(at, { clock, log }), {}, parts);
}

type Parts = { clock: Clock; log: Log; pace: Pace; caches: Set<KubeCache<unknown>>; reach: Reach; skew: Skew };

function kubeOn(connection: KubeConnection, identity: Record<string, string | string[]>, parts: Parts): Kube {
  const send = async (asked: KubeRequest) => {
    const answer = await parts.reach.note(connection.send({ ...asked, headers: { ...identity, ...asked.headers } }));
    parts.skew.note(answer.headers.date);
    return answer;
  };
  const open = (asked: SocketRequest) => connection.open({ ...asked, headers: { ...identity, ...asked.headers } });
  const ask = createAsk(send, parts.pace);
  const placeOf = (object: KubeObject, kind = kindOf(object)) => {
    if (kind === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not among the kinds`);
    const { name, namespace } = object.metadata;
    if (kind.isNamespaced && !namespace) throw new Error(`${kind.kind} ${name} is in a namespace, and none is named`);
    return { kind, name, namespace };
  };
  const json = (body: unknown, type = 'application/json') => ({
    body: JSON.stringify(body),
    headers: { 'content-type': type },
  });
  const dry = (dryRun: boolean | undefined) => (dryRun ? { dryRun: 'All' } : {});

  return {
    connection,
    ask,
    get: async (kind, name, namespace) => orNone(ask({ method: 'GET', path: pathOf(kind, namespace, name) })),
    async list<T extends KubeObject>(kind: Kind, options: ListOptions = {}) {
      let items: T[] = [];
      const taken = { begin: () => void (items = []), tell: (object: KubeObject) => void items.push(object as T) };
      const resourceVersion = await listAll(ask, { kind, ...options }, taken);
      return { items, resourceVersion };
    },
    async apply(object, { force = true, dryRun, kind: given } = {}) {
      const { kind, name, namespace } = placeOf(object, given);
      return ask({
        method: 'PATCH',
        path: pathOf(kind, namespace, name),
        query: { fieldManager: manager, force, ...dry(dryRun) },
        isRepeatable: true,
        ...json(object, 'application/apply-patch+yaml'),
      });
    },
    async create(object, { dryRun, kind: given } = {}) {
      const { kind, namespace } = placeOf(object, given);
      const query = { fieldManager: manager, ...dry(dryRun) };
      return ask({ method: 'POST', path: pathOf(kind, namespace), query, ...json(object) });
    },
    merge: async (kind, name, namespace, patch, { part } = {}) =>
      orNone(
        ask({
          method: 'PATCH',
          path: pathOf(kind, namespace, name) + (part === undefined ? '' : `/${part}`),
          query: { fieldManager: manager },
          // One that names a version is refused the second time.
          isRepeatable: (patch['metadata'] as { resourceVersion?: unknown } | undefined)?.resourceVersion === undefined,
          ...json(patch, 'application/merge-patch+json'),
        }),
      ),
    async remove(kind, name, namespace, { uid, propagation = 'Background', graceSeconds } = {}) {
      const options = {
        propagationPolicy: propagation,
        ...(uid !== undefined && { preconditions: { uid } }),
        ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
      };
      const asked = { method: 'DELETE', path: pathOf(kind, namespace, name), ...json(options) } as const;
      return (await orNone(ask(asked))) !== undefined;
    },
    health: () =>
      healthOf(
        [...parts.caches].map((cache) => cache.health()),
        { now: parts.clock.now(), silentSince: parts.reach.silentSince(), aheadMs: parts.skew.aheadMs() },
      ),
    now: () => parts.clock.now() - parts.skew.aheadMs(),
    as: ({ user, groups = [] }) =>
      kubeOn(
        connection,
        { 'impersonate-user': user, ...(groups.length > 0 && { 'impersonate-group': [...groups] }) },
        parts,
      ),
    watch<T>(kind: Kind, options: WatchOptions<T> = {}) {
      const cache = createCache(kind, options, { ...parts, send, ask });
      parts.caches.add(cache);
      const close = () => {
        parts.caches.delete(cache);
        cache.close();
      };
      return { ...cache, close };
    },
    logs: (namespace, pod, options = {}) => readLogs({ namespace, pod }, options, { send, pace: parts.pace }),
    exec: (namespace, pod, options) => openExec({ namespace, pod }, options, open),
    portForward: (namespace, pod, port, options = {}) => openPortForward({ namespace, pod, port, ...options }, open),
    async close() {
      for (const cache of parts.caches) cache.close();
      await connection.close();
    },
  };
}
