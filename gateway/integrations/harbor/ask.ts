import type { Agent, request } from 'undici';
import { type KnotError, knotError, printable } from '../../lib/index.ts';

/** How Knot signs in to the API: as the administrator, or as a system robot. */
export type HarborLogin = { name: string; secret: string };

/** Asks the API of Harbor v2.0. Every answer is bounded, and nothing is asked for longer than `timeoutMs`. */
export type AskHarbor = <T = unknown>(method: Method, path: string, options?: AskOptions) => Promise<Answer<T>>;

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type AskOptions = {
  body?: unknown;
  /** Statuses that are an answer beside the successes; all others are errors. */
  also?: readonly number[];
  /** Who asks, in place of Knot; null is nobody. Without a login of Knot it is nobody as well. */
  as?: HarborLogin | null;
};

export type Answer<T> = {
  status: number;
  body: T;
  /** Of `WWW-Authenticate`, where there is one. */
  challenge: string | undefined;
};

export type HarborConnection = { ask: AskHarbor; close(): Promise<void> };

const defaultTimeoutMs = 10_000;
/** A page of a hundred artifacts with their labels and tags is less than a tenth of it. */
const mostBytes = 4 * 1024 * 1024;

/**
 * `origin`: where Harbor listens. `caPem`: what its certificate must be signed by, in place of what the system trusts. No cookie is kept,
 * so that nothing asks for a token against forged requests, and no redirect is followed.
 */
export function connectHarbor(options: {
  origin: string;
  caPem: string | undefined;
  login: HarborLogin | undefined;
  timeoutMs?: number | undefined;
}): HarborConnection {
  const { origin, caPem, login, timeoutMs = defaultTimeoutMs } = options;
  // Loaded when first asked: a command that only prints settings asks nobody.
  let agent: Promise<Dispatching> | undefined;
  const dispatching = (): Promise<Dispatching> => (agent ??= makeAgent(caPem, timeoutMs));
  return {
    async ask<T>(
      method: Method,
      path: string,
      { body, also = [], as = login ?? null }: AskOptions = {},
    ): Promise<Answer<T>> {
      const { request, dispatcher } = await dispatching();
      let answer;
      try {
        answer = await request(`${origin}${path}`, {
          method,
          dispatcher,
          signal: AbortSignal.timeout(timeoutMs),
          headers: {
            ...(as !== null && { authorization: basicOf(as) }),
            accept: 'application/json',
            // A name of digits would be taken for a number.
            'x-is-resource-name': 'true',
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const text = await readBounded(answer.body);
        const { statusCode: status, headers } = answer;
        const isJson = /json/i.test(String(headers['content-type'] ?? ''));
        const isAnswer = (status >= 200 && status < 300) || also.includes(status);
        if (!isAnswer) throw refused({ method, path, status, text: isJson ? text : '', isKnot: as === login });
        return {
          status,
          body: (text === '' ? undefined : JSON.parse(isJson ? text : 'null')) as T,
          challenge: headers['www-authenticate']?.toString(),
        };
      } catch (error) {
        if (isKnotError(error)) throw error;
        throw away(method, path, error);
      }
    },
    async close() {
      const made = await agent?.catch(() => undefined);
      await made?.dispatcher.destroy();
    },
  };
}

const basicOf = ({ name, secret }: HarborLogin): string =>
  `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;

type Dispatching = { request: typeof request; dispatcher: Agent };

async function makeAgent(caPem: string | undefined, timeoutMs: number): Promise<Dispatching> {
  const { Agent, request } = await import('undici');
  const connect = { timeout: 5_000, ...(caPem !== undefined && { ca: caPem }) };
  return {
    request,
    dispatcher: new Agent({ connect, connections: 8, headersTimeout: timeoutMs, bodyTimeout: timeoutMs }),
  };
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > mostBytes) throw new Error(`more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const isKnotError = (error: unknown): error is KnotError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('KNOT_');

function away(method: string, path: string, cause: unknown): KnotError {
  const remedy = 'Try again; if it stays, see whether Harbor runs: knot integrations check harbor.';
  const options = { remedy, cause, internal: { method, path } };
  return knotError('KNOT_INTEGRATIONS_HARBOR_AWAY', 503, 'Harbor cannot be reached or does not answer.', options);
}

/** What Harbor said of what it refuses, in its own words where they are about what was asked. */
function refused(facts: { method: string; path: string; status: number; text: string; isKnot: boolean }): KnotError {
  const { method, path, status, isKnot } = facts;
  const said = wordsOf(facts.text);
  const internal = { method, path, status, said };
  if (status >= 500) return away(method, path, new Error(`${status}: ${said}`));
  if (status === 401 || status === 403) {
    const message = isKnot ? 'Harbor does not let Knot do this.' : 'Harbor does not let you do this.';
    const remedy = isKnot
      ? 'See that integrations.harbor.admin is the password of its administrator, or that the robot has the rights that knot integrations show harbor lists.'
      : 'Open Images in Knot once, and make a new secret.';
    return knotError('KNOT_INTEGRATIONS_HARBOR_FORBIDDEN', 502, message, { remedy, internal });
  }
  const message = `Harbor refuses${said === '' ? '' : `: ${said}`} (${status}).`;
  return knotError('KNOT_INTEGRATIONS_HARBOR_REFUSED', 502, message, {
    remedy: 'See knot integrations check harbor, and the log of the gateway.',
    internal,
  });
}

/** Of `{errors: [{code, message}]}`, as it may stand in a line. */
function wordsOf(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: { message?: unknown }[] };
    const message = errors?.[0]?.message;
    return typeof message === 'string' ? printable(message).slice(0, 300) : '';
  } catch {
    return '';
  }
}
