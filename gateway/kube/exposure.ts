import { isJsonObject, type JsonObject, type JsonValue } from '../lib/index.ts';

/** Which Service answers, and at which of its ports (name or number). */
export type Backend = { service: string; port: string | number };

/** What one rule of an Ingress or HTTPRoute says. */
export type ExposureRule = {
  /** Undefined: every host. A wildcard is told as it stands there. */
  host: string | undefined;
  backends: readonly Backend[];
  /** What it asks for beyond "the whole host leads there", in words that follow on the name of the object. */
  beyond: readonly string[];
};

/** `problems`: what it leads to that is no Service of its own namespace, in words that follow on the name of the object. */
export type Exposure = { rules: readonly ExposureRule[]; problems: readonly string[] };

export type Exposing = { kind: string; spec?: unknown };

/** Who exposes thousands of hosts in one object is told of so many. */
const mostRules = 50;

/** What an object makes reachable, read strictly: what is not understood is a problem, never a guess. Empty for every other kind. */
export function exposureOf({ kind, spec }: Exposing, namespace: string): Exposure {
  if (!isJsonObject(spec)) return { rules: [], problems: [] };
  const read = kind === 'Ingress' ? ofIngress : kind === 'HTTPRoute' ? ofRoute : undefined;
  const { rules, problems } = read?.(spec, namespace) ?? { rules: [], problems: [] };
  const tooMany = rules.length > mostRules ? [`has more than ${mostRules} hosts in its ${kind}`] : [];
  return { rules: rules.slice(0, mostRules), problems: [...new Set([...problems, ...tooMany])] };
}

/** `networking.k8s.io/v1` Ingress (Kubernetes API reference, IngressSpec). */
function ofIngress(spec: JsonObject): Exposure {
  const problems: string[] = [];
  if (spec['defaultBackend'] !== undefined) problems.push('answers for every host in its Ingress');
  const rules = objectsOf(spec['rules']).map((rule): ExposureRule => {
    const paths = isJsonObject(rule['http']) ? objectsOf(rule['http']['paths']) : [];
    const backends = paths.flatMap(({ backend }): Backend[] => {
      const service = isJsonObject(backend) ? backend['service'] : undefined;
      const port = isJsonObject(service) ? service['port'] : undefined;
      if (!isJsonObject(service) || typeof service['name'] !== 'string' || !isJsonObject(port)) {
        problems.push('leads to something that is no Service in its Ingress');
        return [];
      }
      const { name, number } = port;
      return [{ service: service['name'], port: typeof name === 'string' && name !== '' ? name : Number(number) }];
    });
    const isWhole = paths.every(({ path, pathType }) => isRoot(path) && pathType !== 'Exact');
    return { host: textOrNone(rule['host']), backends, beyond: isWhole ? [] : [ofPaths] };
  });
  return { rules, problems };
}

/** `gateway.networking.k8s.io/v1` HTTPRoute (Gateway API specification). Grants of other namespaces (ReferenceGrant) are none here. */
function ofRoute(spec: JsonObject, own: string): Exposure {
  const problems: string[] = [];
  const backends: Backend[] = [];
  const beyond = new Set<string>();
  for (const rule of objectsOf(spec['rules'])) {
    if (!objectsOf(rule['matches']).every(isEverything)) beyond.add(ofPaths);
    if (objectsOf(rule['filters']).length > 0) beyond.add(ofFilters);
    for (const { name, port, namespace, kind, group, weight, filters } of objectsOf(rule['backendRefs'])) {
      const isService = (kind ?? 'Service') === 'Service' && (group ?? '') === '';
      if (!isService || (namespace ?? own) !== own || typeof name !== 'string') {
        problems.push('leads to something that is no Service of it in its HTTPRoute');
        continue;
      }
      if (objectsOf(filters).length > 0) beyond.add(ofFilters);
      if (weight !== 0) backends.push({ service: name, port: Number(port) });
    }
  }
  const hostnames = Array.isArray(spec['hostnames']) ? spec['hostnames'] : [];
  const hosts = hostnames.length === 0 ? [undefined] : hostnames.map(textOrNone);
  return { rules: hosts.map((host) => ({ host, backends, beyond: [...beyond] })), problems };
}

const ofPaths = 'is for some paths or requests only, and Knot leads a whole host to one Service';
const ofFilters = 'has filters, which Knot does not carry out';

const isRoot = (path: JsonValue | undefined): boolean => path === undefined || path === '' || path === '/';

/** `/` as a prefix, of all requests: what a match without anything means too. */
function isEverything({ path, headers, queryParams, method }: JsonObject): boolean {
  if (objectsOf(headers).length > 0 || objectsOf(queryParams).length > 0 || method !== undefined) return false;
  if (!isJsonObject(path)) return true;
  return (path['type'] ?? 'PathPrefix') === 'PathPrefix' && isRoot(path['value']);
}

const textOrNone = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const objectsOf = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((one) => isJsonObject(one)) : [];
