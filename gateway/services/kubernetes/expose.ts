import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/index.ts';
import type { Rendered } from './manifest.ts';

/** Which of a release's Services answers at the address of the service, and at which of its ports (name or number). */
export type Exposed = { service: string; port: string | number };

/** On a Service, `true`: its port `http`, or its only one, is reached at the address of the service. */
export const exposeAnnotation = 'knot/expose';
const usualPort = 'http';

/**
 * What is reached at the service's address (charts/README.md, "What people open"): what an Ingress or HTTPRoute of the chart names, else
 * the Service that is marked, else the only one with a port named `http`. Problems: what cannot be reached as it is said.
 */
export function exposedBy(
  objects: readonly Rendered[],
  { host }: { host: string },
): { exposed?: Exposed; problems: string[] } {
  const problems: string[] = [];
  const found: Exposed[] = [];
  for (const object of objects) {
    if (object.kind === 'Ingress') found.push(...ofIngress(object, host, problems));
    if (object.kind === 'HTTPRoute') found.push(...ofRoute(object, host, problems));
  }
  const services = objects.filter(({ kind }) => kind === 'Service');
  const [named, ...others] = [...new Map(found.map((one) => [`${one.service}:${one.port}`, one])).values()];
  if (others.length > 0) problems.push('leads to several Services; one answers at an address');
  if (named !== undefined) {
    // Names of Services of others in the namespace would open what was never meant to be reached.
    if (!services.some(({ metadata }) => metadata.name === named.service))
      problems.push(`leads to "${named.service}", which is no Service of it`);
    return { exposed: named, problems };
  }
  const marked = services.filter((service) => isMarked(service));
  const reached = marked.length > 0 ? marked : services.filter((service) => usualPortOf(service) !== undefined);
  const [chosen, ...more] = reached;
  if (chosen === undefined) return { problems };
  const { name } = chosen.metadata;
  if (more.length > 0)
    problems.push(
      `has several Services that might be meant to be reached (${reached.map(({ metadata }) => metadata.name).join(', ')}): one is marked ${exposeAnnotation}`,
    );
  const port = usualPortOf(chosen) ?? (portsOf(chosen).length === 1 ? portsOf(chosen)[0] : undefined);
  if (port === undefined) problems.push(`has no port "${usualPort}" in its Service "${name}"`);
  return { ...(port && { exposed: { service: name, port: nameOf(port) } }), problems };
}

function isMarked({ metadata: { annotations } }: Rendered): boolean {
  return isJsonObject(annotations) && ['true', true].includes(annotations[exposeAnnotation] as string | boolean);
}

const portsOf = ({ spec }: Rendered): JsonObject[] =>
  isJsonObject(spec) && Array.isArray(spec['ports']) ? spec['ports'].filter((port) => isJsonObject(port)) : [];

const usualPortOf = (service: Rendered): JsonObject | undefined =>
  portsOf(service).find(({ name }) => name === usualPort);
const nameOf = ({ name, port }: JsonObject): string | number => (typeof name === 'string' ? name : Number(port));

/** `networking.k8s.io/v1` Ingress: every rule names the one host, and a Service. */
function ofIngress({ spec }: Rendered, host: string, problems: string[]): Exposed[] {
  if (!isJsonObject(spec)) return [];
  if (spec['defaultBackend'] !== undefined) problems.push('answers for every host in its Ingress');
  return objectsOf(spec['rules']).flatMap((rule) => {
    problems.push(...hostProblems(rule['host'], host));
    const paths = isJsonObject(rule['http']) ? objectsOf(rule['http']['paths']) : [];
    return paths.flatMap(({ backend }) => {
      const service = isJsonObject(backend) ? backend['service'] : undefined;
      const port = isJsonObject(service) ? service['port'] : undefined;
      if (!isJsonObject(service) || typeof service['name'] !== 'string' || !isJsonObject(port)) {
        problems.push('leads to something that is no Service in its Ingress');
        return [];
      }
      const { name, number } = port;
      return [{ service: service['name'], port: typeof name === 'string' && name !== '' ? name : Number(number) }];
    });
  });
}

/** `gateway.networking.k8s.io/v1` HTTPRoute. */
function ofRoute({ spec }: Rendered, host: string, problems: string[]): Exposed[] {
  if (!isJsonObject(spec)) return [];
  const hostnames = Array.isArray(spec['hostnames']) ? spec['hostnames'] : [];
  if (hostnames.length === 0) problems.push(...hostProblems(undefined, host));
  for (const one of hostnames) problems.push(...hostProblems(one, host));
  return objectsOf(spec['rules']).flatMap((rule) =>
    objectsOf(rule['backendRefs']).flatMap(({ name, port, namespace, kind }) => {
      if (namespace !== undefined || (kind !== undefined && kind !== 'Service') || typeof name !== 'string') {
        problems.push('leads to something that is no Service of it in its HTTPRoute');
        return [];
      }
      return [{ service: name, port: Number(port) }];
    }),
  );
}

function hostProblems(named: JsonValue | undefined, host: string): string[] {
  if (named === host) return [];
  const what = typeof named === 'string' && named !== '' ? `the host "${named}"` : 'every host';
  return [`answers for ${what}: a service has the address ${host} and no other`];
}

const objectsOf = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((one) => isJsonObject(one)) : [];
