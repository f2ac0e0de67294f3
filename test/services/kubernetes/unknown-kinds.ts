import type { Test } from 'tap';
import type { Service } from '../../../gateway/services/service.ts';
import { anyCustomResource } from '../../charts/access.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { httpRouteDefinition } from '../../cluster/gateway-api.ts';
import { eventually } from '../../support/eventually.ts';
import { openKubernetesEngine, web } from './house.ts';

const httpRoute = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: {{ .Release.Name }} }
spec:
  hostnames: [{{ .Values.knot.hostname }}]
  rules: [{ backendRefs: [{ name: {{ .Release.Name }}, port: 80 }] }]
`;
const object = (apiVersion: string, kind: string) =>
  `---\napiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: {{ .Release.Name }} }\n`;

/** Charts with kinds that the cluster does not know, while it does not, and when what defines them comes and goes. */
export async function tellsUnknownKinds(t: Test, cluster: ControlPlane): Promise<void> {
  const { engine, service } = await openKubernetesEngine(t, cluster);
  const told = async (more: string) => (await engine.obstacles(await candidate(more)))[0];
  const candidate = async (more: string) => {
    const { id: _, ...rest } = await service(web({ more }));
    return rest;
  };

  t.match(await told(object('monitoring.coreos.com/v1', 'ServiceMonitor')), {
    message: 'The ServiceMonitor in its template is of a kind that a service may not have.',
    remedy: /leave it out/,
  });
  t.match(await told(object('policy/v1beta1', 'PodDisruptionBudget')), {
    message: 'Its template has a PodDisruptionBudget of the version policy/v1beta1, which the cluster does not know.',
    remedy: 'Whoever keeps the template can write it as policy/v1.',
  });
  const noRoute = {
    message: 'The cluster does not know the kind HTTPRoute (gateway.networking.k8s.io/v1).',
    remedy: /installs what defines it \(CRD\)/,
  };
  t.match(await told(httpRoute), noRoute);
  const one = await service(web({ more: httpRoute }));
  await engine.start(one);
  const isIn = (phase: string, which: Service) =>
    eventually(`it is ${phase}`, () => engine.observe(which).phase === phase);
  await isIn('gone', one);
  t.match(engine.observe(one), { cause: { code: 'refused', what: noRoute.message, remedy: noRoute.remedy } });
  const other = await service(web());
  await engine.start(other);
  await isIn('running', other);

  const definition = await httpRouteDefinition();
  if ('skip' in definition) return void t.comment(String(definition.skip));
  await cluster.apply(definition);
  await eventually('nothing in the way', async () => (await told(httpRoute)) === undefined);
  const two = { ...one, revision: 2 };
  await engine.start(two);
  await isIn('running', two);
  t.match(engine.upstreamOf(two), { port: 8080 }, 'the Service that the route names is reached');

  // What runs goes on, is stopped and comes back: nothing of it was in the cluster.
  await cluster.kubectl('delete', 'crd', 'httproutes.gateway.networking.k8s.io');
  t.match(engine.observe(two), { phase: 'running' });
  await engine.stop(two);
  const three = { ...two, revision: 3 };
  await engine.start(three);
  await isIn('running', three);
  // A definition is no leave.
  await cluster.apply(anyCustomResource('servicemonitors.monitoring.coreos.com'));
  await eventually('another reason', async () =>
    /may not have/.test((await told(object('monitoring.coreos.com/v1', 'ServiceMonitor')))?.message ?? ''),
  );
  for (const each of [three, other]) {
    await engine.stop(each);
    await engine.remove(each);
  }
}
