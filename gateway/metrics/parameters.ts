import { knotError } from '../lib/index.ts';
import { enforceQuery, enforceSelector, type Readable, selectorOf } from './promql/enforce.ts';

/**
 * What Knot lets through of the API of Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/), and how each is enforced:
 * by the query, or by selectors of series, which are put in where none came. Everything else is refused: metadata, rules, alerts, targets,
 * status, federation, remote read and write, and what an administrator of Prometheus may.
 */
export const endpoints = {
  query: { by: 'query', others: ['time', 'timeout', 'limit', 'lookback_delta', 'stats'] },
  query_range: { by: 'query', others: ['start', 'end', 'step', 'timeout', 'limit', 'lookback_delta', 'stats'] },
  query_exemplars: { by: 'query', others: ['start', 'end'] },
  series: { by: 'match[]', others: ['start', 'end', 'limit'] },
  labels: { by: 'match[]', others: ['start', 'end', 'limit'] },
  values: { by: 'match[]', others: ['start', 'end', 'limit'] },
} as const satisfies Record<string, { by: 'query' | 'match[]'; others: readonly string[] }>;

export type Endpoint = keyof typeof endpoints;

/** As they came, from the address and from the body. */
export type Parameters = readonly (readonly [name: string, value: string])[];

export type Question = {
  endpoint: Endpoint;
  /** Of `values`: whose. */
  label?: string;
  parameters: Parameters;
  readable: Readable;
  /** Whoever asked has gone. */
  signal?: AbortSignal;
};

const mostSelectors = 64;
/** Times, durations, numbers and words. */
const plainValue = /^[A-Za-z0-9.:+_-]{1,64}$/;

/**
 * What is sent in place of what came: each parameter read once, wherever it stood, and written anew.
 * @throws KNOT_METRICS_PARAMETER, and like `enforceQuery`
 */
export function enforceParameters(endpoint: Endpoint, came: Parameters, readable: Readable): URLSearchParams {
  const { by, others } = endpoints[endpoint];
  const sent = new URLSearchParams();
  const selectors: string[] = [];
  for (const [name, value] of came) {
    if (name === by && by === 'match[]') {
      if (selectors.push(enforceSelector(value, readable)) > mostSelectors)
        throw refused(`There are more than ${mostSelectors} match[].`);
      continue;
    }
    if (name !== by && !(others as readonly string[]).includes(name))
      throw refused(`${shown(name)} is no parameter of ${endpoint} that Knot knows.`);
    if (sent.has(name)) throw refused(`${shown(name)} stands there more than once.`);
    if (name === by) sent.set(name, enforceQuery(value, readable));
    else if (plainValue.test(value)) sent.set(name, value);
    else throw refused(`${shown(name)} is no time, duration, number or word.`);
  }
  if (by === 'query' && !sent.has(by)) throw refused('There is no query.');
  if (by === 'match[]' && selectors.length === 0 && readable !== 'everything') selectors.push(selectorOf(readable));
  for (const selector of selectors) sent.append('match[]', selector);
  return sent;
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 40));

const refused = (message: string): Error =>
  knotError('KNOT_METRICS_PARAMETER', 400, message, {
    remedy: 'Send each parameter once, as https://prometheus.io/docs/prometheus/latest/querying/api/ has them.',
  });

/** @throws KNOT_METRICS_PARAMETER for what is no name of a label */
export function checkLabel(name: string): string {
  if (/^[a-zA-Z_][a-zA-Z0-9_]{0,199}$/.test(name)) return name;
  throw refused(`${shown(name)} is no name of a label.`);
}
