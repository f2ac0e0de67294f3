import { answering, type Backend, type Endpoints, type KubeObject, type ServicePorts } from '../kube/index.ts';
import { type Upstream, upstreamAt } from '../routes/index.ts';

/** A Service, as much of it as is looked at. */
export type SeenService = ServicePorts & { isElsewhere: boolean; selects: boolean };

type ServiceObject = {
  spec?: {
    type?: string;
    externalName?: string;
    selector?: Record<string, string> | null;
    ports?: { name?: string; port: number }[] | null;
  };
};

export function serviceOf(object: KubeObject): SeenService {
  const { type, externalName, selector, ports } = (object as ServiceObject).spec ?? {};
  return {
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    ports: (ports ?? []).map(({ name = '', port }) => ({ name, port })),
    isElsewhere: type === 'ExternalName' || (externalName ?? '') !== '',
    selects: Object.keys(selector ?? {}).length > 0,
  };
}

/** What of one namespace is looked at to find where requests go. */
export type Targets = {
  service(name: string): SeenService | undefined;
  endpoints(service: string): Iterable<Endpoints>;
  addressesOf(podUid: string): readonly string[] | undefined;
};

/** Where requests go; or why nobody answers, which changes by itself; or why nobody may. */
export type Target = { upstream: Upstream } | { waitsFor: string } | { refused: string };

/**
 * Where a Service of the namespace is answered: by a pod that it selects, at an address that is the pod's own. `before` is kept as long
 * as it is among them, because programs keep what people do in memory.
 */
export function targetOf({ service: name, port }: Backend, targets: Targets, before?: Upstream): Target {
  const service = targets.service(name);
  if (service === undefined) return { waitsFor: `There is no Service "${name}".` };
  if (service.isElsewhere) return { refused: `The Service "${name}" is another name of a host elsewhere.` };
  if (!service.selects)
    return { refused: `The Service "${name}" selects no pods: addresses that are written by hand may be anybody’s.` };
  if (!service.ports.some((one) => one.name === port || String(one.port) === String(port)))
    return { waitsFor: `The Service "${name}" has no port ${port}.` };
  const found = answering(service, port, targets.endpoints(name), targets.addressesOf).flatMap(
    ({ address, port: at }) => upstreamAt(address, at) ?? [],
  );
  const kept = found.find(({ hostname, port: at }) => hostname === before?.hostname && at === before.port) ?? found[0];
  return kept ? { upstream: kept } : { waitsFor: `No pod of the Service "${name}" is ready.` };
}
