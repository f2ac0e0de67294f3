import type { IncomingHttpHeaders } from 'node:http';
import { KnotError, knotError, type Log } from '../../lib/index.ts';
import type { Upstream } from '../../routes/index.ts';
import { whyAway } from '../ask.ts';
import { connect } from '../connection.ts';
import type { AccountTokens } from './account-tokens.ts';

/** One workflow as lists show it. Times are epoch milliseconds. */
export type Workflow = {
  name: string;
  namespace: string;
  uid: string;
  /** As Argo says it; `Pending` also where it has said nothing yet. */
  state: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Error';
  /** Somebody has told it to wait. */
  isSuspended: boolean;
  /** Somebody has told it to stop. */
  isStopping: boolean;
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  /** Steps that are done, and all that are known of. */
  progress?: { done: number; all: number };
  message?: string;
};

export type WorkflowAct = 'stop' | 'resubmit' | 'terminate' | 'retry';

/** Workflows of one namespace, asked for and acted on as the account that Argo acts as there. */
export type Workflows = {
  /**
   * The newest first.
   * @throws KNOT_INTEGRATIONS_ARGO_UNDEFINED, KNOT_INTEGRATIONS_ARGO_AWAY, KNOT_INTEGRATIONS_ARGO_REFUSED
   */
  list(namespace: string, limit: number): Promise<Workflow[]>;
  /**
   * What there is afterwards: the workflow itself, or the new one.
   * @throws KNOT_INTEGRATIONS_NO_WORKFLOW, KNOT_INTEGRATIONS_ARGO_AWAY, KNOT_INTEGRATIONS_ARGO_REFUSED
   */
  act(namespace: string, name: string, act: WorkflowAct): Promise<Workflow>;
  /** What is answered without a token, or with one of this namespace, whatever it is. */
  ask(path: string, namespace?: string): Promise<{ status: number; headers: IncomingHttpHeaders; body: unknown }>;
  close(): Promise<void>;
};

/** Whether the cluster has the definition of workflows. */
export type KnowsWorkflows = () => Promise<boolean>;

/** Nobody waits for long: pages show the rest without it. */
const mostMs = 5_000;
const mostBytes = 16 * 1024 * 1024;

/** What a list is asked for: without it each workflow comes with all its steps, a hundred times as much. */
const fields = [
  ...['name', 'namespace', 'uid', 'creationTimestamp'].map((field) => `items.metadata.${field}`),
  ...['phase', 'startedAt', 'finishedAt', 'progress', 'message'].map((field) => `items.status.${field}`),
  ...['suspend', 'shutdown'].map((field) => `items.spec.${field}`),
].join(',');

export function createWorkflows({
  upstream,
  tokens,
  knows = () => Promise.resolve(true),
  timeoutMs = mostMs,
  log,
}: {
  upstream: Upstream;
  tokens: AccountTokens;
  knows?: KnowsWorkflows | undefined;
  timeoutMs?: number | undefined;
  log: Log;
}): Workflows {
  const connection = connect({ upstream, timeoutMs, mostBytes });

  async function send(method: 'GET' | 'PUT', path: string, namespace: string | undefined, body?: object) {
    try {
      const headers = namespace !== undefined ? { authorization: `Bearer ${await tokens.of(namespace)}` } : {};
      const answer = await connection.send(method, path, { headers, body });
      return { status: answer.status, headers: answer.headers, body: parsed(answer.text) };
    } catch (error) {
      if (error instanceof KnotError) throw error;
      throw away(error);
    }
  }

  /** As the account of the namespace. One that is refused is another one by now, and is asked for once more. */
  async function asAccount(
    method: 'GET' | 'PUT',
    path: string,
    namespace: string,
    { body, missing }: { body?: object; missing: () => KnotError },
  ): Promise<unknown> {
    let answer = await send(method, path, namespace, body);
    if (answer.status === 401) {
      tokens.forget(namespace);
      answer = await send(method, path, namespace, body);
    }
    if (answer.status === 404) throw missing();
    if (answer.status >= 500) throw away(new Error(`Argo answered ${answer.status}`));
    if (answer.status !== 200) {
      log.warn({ status: answer.status, namespace }, 'Argo refused what Knot asked for');
      throw refused(answer.status);
    }
    return answer.body;
  }

  return {
    async list(namespace, limit) {
      const query = new URLSearchParams({ 'listOptions.limit': String(limit), fields });
      const path = `/api/v1/workflows/${namespace}?${query.toString()}`;
      // A list of none is a list: what is not there is the kind (server/utils/errors.go passes on what the cluster says).
      const found = await asAccount('GET', path, namespace, { missing: undefinedKind });
      const items = (found as { items?: RawWorkflow[] | null } | null)?.items ?? [];
      // Its server lists from a copy of its own, which is empty then (server/workflow/store): nothing is said to be wrong.
      if (items.length === 0 && !(await knows().catch(() => true))) throw undefinedKind();
      // A server without a cache of its own gives as many as there are, in the order of their names.
      return items
        .map(toWorkflow)
        .sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1))
        .slice(0, limit);
    },
    async act(namespace, name, act) {
      const path = `/api/v1/workflows/${namespace}/${encodeURIComponent(name)}/${act}`;
      const asked = { body: { namespace, name }, missing: noWorkflow };
      return toWorkflow((await asAccount('PUT', path, namespace, asked)) as RawWorkflow);
    },
    ask: (path, namespace) => send('GET', path, namespace),
    close: connection.close,
  };
}

type RawWorkflow = {
  metadata: { name: string; namespace: string; uid: string; creationTimestamp: string };
  spec?: { suspend?: boolean | null; shutdown?: string | null };
  status?: {
    phase?: string;
    startedAt?: string | null;
    finishedAt?: string | null;
    progress?: string;
    message?: string;
  };
};

const states = new Set(['Pending', 'Running', 'Succeeded', 'Failed', 'Error']);

function toWorkflow({ metadata, spec = {}, status = {} }: RawWorkflow): Workflow {
  const { name, namespace, uid, creationTimestamp } = metadata;
  const startedAt = timeOf(status.startedAt);
  const finishedAt = timeOf(status.finishedAt);
  const [done, all] = (status.progress ?? '').split('/').map(Number);
  return {
    ...{ name, namespace, uid },
    state: states.has(status.phase ?? '') ? (status.phase as Workflow['state']) : 'Pending',
    isSuspended: spec.suspend === true,
    isStopping: Boolean(spec.shutdown),
    createdAt: timeOf(creationTimestamp) ?? 0,
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(Number.isInteger(done) && Number.isInteger(all) && { progress: { done: done!, all: all! } }),
    ...(status.message && { message: status.message.slice(0, 500) }),
  };
}

/** Absent, `null` and the year 1 all say that it has not happened (Go's zero time). */
function timeOf(text: string | null | undefined): number | undefined {
  const time = text ? Date.parse(text) : NaN;
  return time > 0 ? time : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What it is called where its operator reads of it. */
export const argo = { name: 'argo', title: 'Argo Workflows' };

function away(cause: unknown): KnotError {
  const { message, remedy } = whyAway(cause, argo);
  return knotError('KNOT_INTEGRATIONS_ARGO_AWAY', 503, message, { cause, remedy });
}

const refused = (status: number) =>
  knotError('KNOT_INTEGRATIONS_ARGO_REFUSED', 502, 'Argo Workflows did not do what Knot asked for.', {
    remedy: 'Tell an administrator: `knot integrations check argo` says what is wrong.',
    details: { status },
  });

/** Its definitions are not in the cluster. */
export const noDefinitions = {
  message: 'The cluster does not know what workflows are: what defines them is not installed.',
  remedy:
    'An administrator of the cluster installs the definitions (CRDs) of Argo Workflows, of the version that runs; its chart brings them along (crds.install). Knot goes on by itself.',
};

const undefinedKind = () =>
  knotError('KNOT_INTEGRATIONS_ARGO_UNDEFINED', 503, noDefinitions.message, { remedy: noDefinitions.remedy });

const noWorkflow = () =>
  knotError('KNOT_INTEGRATIONS_NO_WORKFLOW', 404, 'There is no such workflow any more.', {
    remedy: 'Read the list again.',
  });
