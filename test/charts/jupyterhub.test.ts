import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hubConfigFile } from '../../gateway/bin/chart/index.ts';
import { clusterHubConfig } from '../../gateway/integrations/index.ts';
import { type Helm, objectsIn, openHelm } from './helm.ts';

const chart = join(import.meta.dirname, '../../charts/stack/jupyterhub');
const opened = await openHelm(t);
const skip = 'skip' in opened ? opened.skip : false;
const helm = opened as Helm;
const render = (...args: string[]) => helm(['template', 'jupyterhub', chart, '--namespace', 'knot-home', ...args]);

t.test('the configuration of the hub is what follows from the sources: `npm run chart` writes it', async (t) => {
  t.equal(readFileSync(hubConfigFile, 'utf8'), clusterHubConfig());
});

t.test('helm lint has nothing to complain about, and what is no value is refused', { skip }, async (t) => {
  t.match(await helm(['lint', '--strict', chart]), /0 chart\(s\) failed/);
  await t.rejects(render('--set', 'hub.imgae=x'), { message: /additional properties 'imgae' not allowed/ });
  await t.rejects(render('--set', 'knot.origin=http://knot.example.org'), { message: /origin/ });
});

t.test('hub and proxy run as nobody in particular, and are reached by whom they must be', { skip }, async (t) => {
  const objects = objectsIn(await render('--set', 'hub.extraConfig=c.X.y = 1'));
  const named = (kind: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === name)!;
  for (const name of ['hub', 'proxy']) {
    const pod = named('Deployment', name).spec.template.spec;
    t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, name);
    for (const container of pod.containers) {
      const bounds = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
      t.match(container.securityContext, bounds, name);
      t.ok(container.resources.requests.memory && container.resources.limits.memory, name);
    }
    t.equal(pod.automountServiceAccountToken, name === 'hub', 'only the hub asks the API server');
  }
  // By these Knot's network rules know it.
  t.match(named('Deployment', 'hub').spec.template.metadata.labels, { app: 'jupyterhub', component: 'hub' });
  t.notOk(
    objects.some(({ kind }) => /Role/.test(kind)),
    'rights are Knot\u2019s to give',
  );
  t.match(named('ConfigMap', 'jupyterhub')['data'], { 'jupyterhub_config.py': /\nc\.X\.y = 1\n/ });
  t.match(named('NetworkPolicy', 'jupyterhub-proxy').spec.ingress[0].from[0].podSelector.matchLabels, {
    'app.kubernetes.io/name': 'knot',
  });
});
