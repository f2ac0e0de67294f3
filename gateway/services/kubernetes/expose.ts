import { type Backend, exposureOf } from '../../kube/index.ts';
import { isJsonObject, type JsonObject } from '../../lib/index.ts';
import type { Rendered } from './manifest.ts';

/** Which of a release's Services answers at the address of the service, and at which of its ports (name or number). */
export type Exposed = Backend;

/** Where the release is to be: its one host, and the namespace that it may lead to. */
type Where = { host: string; namespace: string };

/** On a Service, `true`: its port `http`, or its only one, is reached at the address of the service. */
export const exposeAnnotation = 'knot/expose';
const usualPort = 'http';

/**
 * What is reached at the service's address (charts/README.md, "What people open"): what an Ingress or HTTPRoute of the chart names, else
 * the Service that is marked, else the only one with a port named `http`. Problems: what cannot be reached as it is said.
 */
export function exposedBy(objects: readonly Rendered[], where: Where): { exposed?: Exposed; problems: string[] } {
  const problems: string[] = [];
  const found: Exposed[] = [];
  for (const object of objects) found.push(...ofObject(object, where, problems));
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

/** What an Ingress or HTTPRoute leads to; every rule of it names the one host. */
function ofObject(object: Rendered, { host, namespace }: Where, problems: string[]): Exposed[] {
  const { rules, problems: found } = exposureOf(object, namespace);
  problems.push(...found);
  return rules.flatMap((rule) => {
    problems.push(...hostProblems(rule.host, host));
    return rule.backends;
  });
}

function hostProblems(named: string | undefined, host: string): string[] {
  if (named === host) return [];
  const what = named !== undefined ? `the host "${named}"` : 'every host';
  return [`answers for ${what}: a service has the address ${host} and no other`];
}
