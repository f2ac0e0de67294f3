import { Agent, request } from 'undici';
import { knotError, type Log, timeLimit } from '../lib/index.ts';
import type { Endpoint } from './parameters.ts';

export type PrometheusOptions = {
  /** http(s)://HOST:PORT, and a path where it does not stand at the root. */
  upstream: string;
  /** PEM of whom to trust instead of the system. */
  ca?: string;
  /** Shown to it as a bearer token. */
  token?: string;
  /** How long one question may take. */
  timeoutMs?: number;
  /** Bytes of one answer. */
  largestAnswer?: number;
  log: Log;
};

/** What Prometheus said: JSON, with its status. */
export type Answer = { status: number; body: string };

export type Prometheus = {
  /** @throws KNOT_METRICS_AWAY, KNOT_METRICS_SLOW, KNOT_METRICS_LARGE */
  ask(endpoint: Endpoint, parameters: URLSearchParams, label?: string, signal?: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
};

/** Together with `largestAnswer` what all questions of one moment may hold in memory; more wait for their turn, within their time. */
const mostAtOnce = 12;

/** Asks Prometheus what was enforced, as POST wherever it takes one, so that there is one place for parameters. */
export function openPrometheus(options: PrometheusOptions): Prometheus {
  const { upstream, ca, token, timeoutMs = 30_000, largestAnswer = 16 * 1024 * 1024, log } = options;
  const agent = new Agent({
    connections: mostAtOnce,
    pipelining: 1,
    maxResponseSize: largestAnswer,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: Math.min(timeoutMs, 5000), ...(ca !== undefined && { ca }) },
  });
  const base = upstream.replace(/\/+$/, '');
  const headers = {
    accept: 'application/json',
    'user-agent': 'knot',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };

  async function ask(
    endpoint: Endpoint,
    parameters: URLSearchParams,
    label?: string,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const isGet = endpoint === 'values';
    const path = isGet ? `label/${encodeURIComponent(label ?? '')}/values?${parameters.toString()}` : endpoint;
    const limit = timeLimit(timeoutMs, signal);
    try {
      const answer = await request(`${base}/api/v1/${path}`, {
        dispatcher: agent,
        method: isGet ? 'GET' : 'POST',
        headers: isGet ? headers : { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        ...(!isGet && { body: parameters.toString() }),
        signal: limit.signal,
      });
      const body = await answer.body.text();
      return judge(answer.statusCode, String(answer.headers['content-type'] ?? ''), body);
    } catch (error) {
      throw inWords(error);
    } finally {
      limit.end();
    }
  }

  /** Right answers and what Prometheus says of a wrong question pass; whatever else it says is for the log. */
  function judge(status: number, type: string, body: string): Answer {
    const isJson = /^application\/json\b/.test(type);
    if (status === 200 && isJson) return { status, body: withoutAddressesInWarnings(body) };
    const said = isJson ? errorIn(body) : undefined;
    if (said !== undefined && (status === 400 || status === 422)) return { status, body: JSON.stringify(said) };
    log.warn({ status, type, error: said?.error.slice(0, 300) }, 'Prometheus did not answer a question');
    if (said?.errorType === 'timeout' || said?.errorType === 'canceled') throw slow();
    if (status === 401 || status === 403)
      throw away('Prometheus does not let Knot in.', 'integrations.prometheus.token');
    if (status === 404 || (status >= 300 && status < 400) || (status === 200 && !isJson))
      throw away('What stands at the address of Prometheus is something else.', 'integrations.prometheus.upstream');
    throw away('Prometheus has a failure of its own.', 'its log');
  }

  function inWords(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    // Of a `DOMException` it is a number.
    const code = String((error as NodeJS.ErrnoException).code ?? '');
    if (code.startsWith('KNOT_')) return error;
    log.warn({ err: error }, 'Prometheus did not answer a question');
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
      return knotError('KNOT_METRICS_LARGE', 502, 'The answer of Prometheus is too large.', {
        remedy: 'Ask for fewer series, a shorter time or a longer step.',
      });
    if (error.name === 'TimeoutError' || /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(code)) return slow();
    if (error.name === 'AbortError') return error;
    if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY/.test(code))
      return away('The certificate of Prometheus is not one that Knot trusts.', 'integrations.prometheus.ca');
    return away('Prometheus does not answer.', 'whether it runs, and integrations.prometheus.upstream');
  }

  return { ask, close: () => agent.destroy() };
}

const slow = (): Error =>
  knotError('KNOT_METRICS_SLOW', 504, 'Prometheus took too long to answer.', {
    remedy: 'Ask for fewer series, a shorter time or a longer step; or try again.',
  });

const away = (message: string, look: string): Error =>
  knotError('KNOT_METRICS_AWAY', 502, message, { remedy: `Try again. An administrator looks at ${look}.` });

type Said = { status: 'error'; errorType: string; error: string };

/** What is wrong with a question, in the words of Prometheus. Where it asks others, those words can name them. */
function errorIn(body: string): Said | undefined {
  try {
    const { errorType, error } = JSON.parse(body) as { errorType?: unknown; error?: unknown };
    if (typeof errorType !== 'string' || typeof error !== 'string') return undefined;
    return { status: 'error', errorType, error: withoutAddresses(error).slice(0, 1000) };
  } catch {
    return undefined;
  }
}

const address =
  /[a-z][a-z0-9+.-]*:\/\/[^\s"']+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[[0-9a-f:]*:[0-9a-f:]+\](?::\d+)?|\b[a-z0-9](?:[a-z0-9-]*\.)+[a-z0-9-]+:\d{2,5}\b/gi;

const withoutAddresses = (text: string): string => text.replace(address, '…');

/** The last members of an answer, after all its data. The bytes that begin them stand in no string: there, a quote has a backslash before it. */
function withoutAddressesInWarnings(body: string): string {
  const at = [',"warnings":[', ',"infos":[']
    .map((begin) => body.lastIndexOf(begin))
    .filter((place) => place >= 0)
    .sort((a, b) => a - b)[0];
  if (at === undefined) return body;
  try {
    const { warnings, infos } = JSON.parse(`{${body.slice(at + 1)}`) as { warnings?: unknown[]; infos?: unknown[] };
    const plain = (texts: unknown[]): string[] => texts.map((text) => withoutAddresses(String(text)));
    const rest = { ...(warnings && { warnings: plain(warnings) }), ...(infos && { infos: plain(infos) }) };
    return `${body.slice(0, at)},${JSON.stringify(rest).slice(1)}`;
  } catch {
    return `${body.slice(0, at)}}`;
  }
}
