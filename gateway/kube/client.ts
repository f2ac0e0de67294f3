import type { Clock } from '../lib/index.ts';
import { connect, type KubeConnection, type KubeRequest } from './connection.ts';
import { faultOf } from './faults.ts';
import { type Kind, kindOf, pathOf } from './kinds.ts';
import type { KubeObject } from './objects.ts';

/** As whom a request is made in place of Knot: what it may is what they may. */
export type Impersonated = { user: string; groups?: readonly string[] };

export type ListOptions = {
  namespace?: string;
  /** Selector of labels: `knot/owner=ann,app!=x`. */
  labels?: string;
  /** Selector of fields: `metadata.name=x`. */
  fields?: string;
};

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
  /** Any other request whose answer is JSON. An answer that is no success is thrown. */
  ask<T>(asked: KubeRequest): Promise<T>;
  /** The same cluster as somebody else. */
  as(identity: Impersonated): Kube;
  close(): Promise<void>;
};

const manager = 'knot';

/** Opens the API server that the configuration names. Nothing is asked of it yet. */
export async function openKube(
  at: { kubeconfig?: string | undefined; context?: string | undefined },
  parts: { clock: Clock },
): Promise<Kube> {
  return kubeOn(await connect(at, parts), {});
}

function kubeOn(connection: KubeConnection, identity: Record<string, string | string[]>): Kube {
  async function ask<T>(asked: KubeRequest): Promise<T> {
    const answer = await connection.send({ ...asked, headers: { ...identity, ...asked.headers } });
    const text = await answer.body.text();
    const body = parse(text);
    if (answer.statusCode >= 200 && answer.statusCode < 300) return body as T;
    throw faultOf(answer.statusCode, body ?? { message: text.slice(0, 500) }, `${asked.method} ${asked.path}`);
  }
  /** The answer, or undefined where there is no such object. */
  async function askForOne<T>(asked: KubeRequest): Promise<T | undefined> {
    try {
      return await ask<T>(asked);
    } catch (error) {
      if ((error as { code?: string }).code === 'KNOT_KUBE_NOT_FOUND') return undefined;
      throw error;
    }
  }
  const placeOf = (object: KubeObject, kind = kindOf(object)) => {
    if (kind === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not among the kinds`);
    return { kind, name: object.metadata.name, namespace: object.metadata.namespace };
  };
  const json = (body: unknown, type = 'application/json') => ({
    body: JSON.stringify(body),
    headers: { 'content-type': type },
  });
  const dry = (dryRun: boolean | undefined) => (dryRun ? { dryRun: 'All' } : {});

  return {
    connection,
    ask,
    get: (kind, name, namespace) => askForOne({ method: 'GET', path: pathOf(kind, namespace, name) }),
    async list<T extends KubeObject>(kind: Kind, { namespace, labels, fields }: ListOptions = {}) {
      const items: T[] = [];
      let next: string | undefined;
      for (;;) {
        const page = await ask<{ items: T[]; metadata: { resourceVersion: string; continue?: string } }>({
          method: 'GET',
          path: pathOf(kind, namespace),
          query: { labelSelector: labels, fieldSelector: fields, limit: 500, continue: next },
        });
        // Objects in a list do not say what they are.
        for (const item of page.items) items.push({ ...item, apiVersion: kind.apiVersion, kind: kind.kind });
        next = page.metadata.continue;
        if (!next) return { items, resourceVersion: page.metadata.resourceVersion };
      }
    },
    apply(object, { force = true, dryRun, kind: given } = {}) {
      const { kind, name, namespace } = placeOf(object, given);
      return ask({
        method: 'PATCH',
        path: pathOf(kind, namespace, name),
        query: { fieldManager: manager, force, ...dry(dryRun) },
        ...json(object, 'application/apply-patch+yaml'),
      });
    },
    create(object, { dryRun, kind: given } = {}) {
      const { kind, namespace } = placeOf(object, given);
      const query = { fieldManager: manager, ...dry(dryRun) };
      return ask({ method: 'POST', path: pathOf(kind, namespace), query, ...json(object) });
    },
    merge: (kind, name, namespace, patch, { part } = {}) =>
      askForOne({
        method: 'PATCH',
        path: pathOf(kind, namespace, name) + (part === undefined ? '' : `/${part}`),
        query: { fieldManager: manager },
        ...json(patch, 'application/merge-patch+json'),
      }),
    async remove(kind, name, namespace, { uid, propagation = 'Background', graceSeconds } = {}) {
      const options = {
        propagationPolicy: propagation,
        ...(uid !== undefined && { preconditions: { uid } }),
        ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
      };
      const asked = { method: 'DELETE', path: pathOf(kind, namespace, name), ...json(options) } as const;
      return (await askForOne(asked)) !== undefined;
    },
    as: ({ user, groups = [] }) =>
      kubeOn(connection, { 'impersonate-user': user, ...(groups.length > 0 && { 'impersonate-group': [...groups] }) }),
    close: () => connection.close(),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
