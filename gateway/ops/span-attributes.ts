import type { AccessEntry } from '../lib/index.ts';

type Attributes = Record<string, string | number>;

/** Methods with a name of their own in the semantic conventions; any other is `_OTHER`, so that values stay few. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY']);

const phases = [
  ['knot.judge_ms', 'judgeMs'],
  ['knot.queue_ms', 'queueMs'],
  ['knot.connect_ms', 'connectMs'],
  ['knot.upstream_ms', 'upstreamMs'],
] as const;

/** `GET jupyterhub`: few values, whatever clients send. */
export function spanName({ method, route }: AccessEntry): string {
  return `${knownMethods.has(method) ? method : 'HTTP'} ${route}`;
}

/**
 * What a span says of a request, in the words of OpenTelemetry's stable conventions for HTTP servers
 * (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), and of Knot where those have none. Nothing but the access entry is
 * read, which holds no query, cookie or token by type. Who it was is left out: traces travel further than logs, and the request
 * id leads to the access line that says so.
 */
export function spanAttributes(entry: AccessEntry): Attributes {
  const { method, reason, status, verdict } = entry;
  const attributes: Attributes = {
    'http.request.method': method,
    'url.scheme': 'https',
    'url.path': entry.path,
    'server.address': entry.host,
    'http.route': entry.route,
    'http.response.status_code': status,
    'client.address': entry.address,
    'network.protocol.version': entry.protocol === 'h2' ? '2' : '1.1',
    'http.request.body.size': entry.bytesIn,
    'http.response.body.size': entry.bytesOut,
    'knot.request_id': entry.requestId,
  };
  if (!knownMethods.has(method)) {
    attributes['http.request.method'] = '_OTHER';
    attributes['http.request.method_original'] = method;
  }
  if (verdict !== '') attributes['knot.verdict'] = verdict;
  if (reason !== '') attributes['knot.reason'] = reason;
  if (entry.decisionId !== undefined) attributes['knot.decision_id'] = entry.decisionId;
  for (const [name, phase] of phases) {
    const ms = entry[phase];
    if (ms !== undefined) attributes[name] = ms;
  }
  if (isFailure(entry)) attributes['error.type'] = reason === '' ? String(status) : reason;
  return attributes;
}

/** Ours or the upstream's fault. A refusal, also one of an upgrade by the upstream, is an answer. */
export function isFailure({ status, reason }: AccessEntry): boolean {
  return status >= 500 || (reason.startsWith('upstream_') && reason !== 'upstream_refused_upgrade');
}
