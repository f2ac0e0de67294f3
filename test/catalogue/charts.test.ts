import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { judge } from '../../gateway/services/kubernetes/judge.ts';
import { clusterPrograms } from '../cluster/build.ts';
import {
  chartNames,
  charts,
  everyValue,
  filledIn,
  type Manifest,
  openHelm,
  podTemplates,
  schemaOf,
} from './rendered.ts';

/** What a service may be made of: nothing that is the cluster's, gives rights, or opens a way in beside Knot. */
const kinds = ['ConfigMap', 'Deployment', 'PersistentVolumeClaim', 'Secret', 'Service', 'StatefulSet'];

const programs = await clusterPrograms();
if ('skip' in programs) {
  t.test('charts', { skip: programs.skip }, async () => undefined);
} else {
  const { helm, render } = openHelm(t, programs.helm);
  t.jobs = 3;

  t.test('what charts share is the same file in each', async (t) => {
    const shared = (chart: string): string => readFileSync(join(charts, chart, 'templates/_knot.tpl'), 'utf8');
    for (const chart of chartNames) t.equal(shared(chart), shared('web'), chart);
  });

  for (const chart of chartNames) {
    t.test(`${chart} is a chart that fits the rules`, async (t) => {
      t.match(await helm('lint', '--strict', join(charts, chart)), /0 chart\(s\) failed/);
      const team = filledIn('db', {
        owner: { name: 'physics', kind: 'team' },
        privateVolume: '',
        home: '/files/team/physics/.services/db-01jd',
        storageClass: 'slow',
        size: { cpu: '500m', memory: '2Gi', 'nvidia.com/gpu': 1 },
      });
      const all = everyValue(schemaOf(chart));
      const ways: [string, Manifest[]][] = [
        ['without Knot', await render(chart, {})],
        ['for a person', await render(chart, filledIn('db'))],
        ['for a team, with everything chosen', await render(chart, { ...all, ...team })],
      ];
      for (const [way, objects] of ways) checkObjects(t, way, objects);
      const [, person, chosen] = ways.map(([, objects]) => objects);
      for (const { spec } of podTemplates(person!)) {
        const { runAsUser, fsGroup } = spec.securityContext;
        if (runAsUser === undefined) t.match(readFileSync(join(charts, chart, 'Chart.yaml'), 'utf8'), /baseline/);
        else t.strictSame([runAsUser, fsGroup], [1234, 1235], 'as whom files belong to');
      }
      const gpus = podTemplates(chosen!).flatMap(({ spec }) => spec.containers.map(limitsOf));
      for (const limits of gpus) t.match(limits, { cpu: '500m', memory: '2Gi', 'nvidia.com/gpu': 1 });
      const images = podTemplates(chosen!).flatMap(({ spec }) =>
        everyContainer(spec).map(({ image }) => image as string),
      );
      for (const image of images) t.match(image, /^registry\.example\.org:5000\/mirror\/image:1\.0@sha256:0{64}$/);
    });
  }

  t.test('what somebody types stays one text: nothing of it is YAML, a template or a variable', async (t) => {
    const folder = '/files/private/a "b": $(HOME) $$x {{ . }} #';
    const [{ spec }] = podTemplates(await render('tensorboard', { folder }));
    // As Kubernetes reads it: `$$` is `$`.
    const args = spec.containers[0].command.map((text: string) => text.replaceAll('$$', '$')) as string[];
    t.ok(args.includes(`--logdir=${folder}`), JSON.stringify(args));
    const command = ['sh', '-c', 'echo "$HOME $$ $(date)" {{ . }}'];
    const [script] = podTemplates(await render('script', { command }));
    const { value } = script.spec.containers[0].env.find(({ name }: Manifest) => name === 'TEMPLATE_VALUES');
    t.strictSame(JSON.parse(value.replaceAll('$$', '$')).command, command);
    const hostile = 'a"\n- hostPath: {path: /}';
    const [notebook] = podTemplates(await render('notebook', { services: [hostile] }));
    t.equal(JSON.stringify(notebook).includes('"hostPath"'), false, 'a name of a service adds no volume');
  });
}

function checkObjects(t: Test, way: string, objects: readonly Manifest[]): void {
  t.ok(objects.length > 0, way);
  for (const { kind, metadata, spec } of objects) {
    const what = `${way}: ${kind as string} ${metadata.name as string}`;
    t.ok(kinds.includes(kind), what);
    t.equal(metadata.namespace, undefined, `${what} is in the namespace of its release`);
    t.match(metadata.name, /^db(-|$)/, `${what} is named after its release`);
    t.equal(metadata.labels['app.kubernetes.io/instance'], 'db', what);
    if (kind !== 'Service') continue;
    t.equal(spec.type, undefined, `${what} is reached inside only`);
    for (const port of spec.ports) t.match(port.name, /^[a-z][a-z0-9]*$/, what);
  }
  const open = objects.filter(
    ({ kind, spec }) => kind === 'Service' && spec.ports.some(({ name }: Manifest) => name === 'http'),
  );
  t.ok(open.length <= 1, `${way}: there is no doubt what is opened`);
  const judged = judge(objects, { namespace: 'knot-ann', release: 'db', host: 'db-ann.example.org' });
  t.match(judged, { problems: undefined, exposed: open[0] && { service: open[0].metadata.name, port: 'http' } }, way);
  for (const { metadata, spec } of podTemplates(objects)) {
    t.equal(metadata.labels['app.kubernetes.io/instance'], 'db', way);
    t.equal(spec.automountServiceAccountToken, false, `${way}: no rights on the API`);
    for (const container of everyContainer(spec)) {
      const { limits, requests } = container.resources;
      t.ok(
        limits.cpu && limits.memory && requests.cpu && requests.memory,
        `${way}: ${container.name as string} is bounded`,
      );
    }
    for (const container of spec.containers) t.ok(container.readinessProbe, `${way}: it says when it is ready`);
    for (const volume of spec.volumes ?? [])
      t.match(
        Object.keys(volume).find((key) => key !== 'name'),
        /^(emptyDir|configMap|secret|persistentVolumeClaim)$/,
        way,
      );
  }
}

const everyContainer = (spec: Manifest): Manifest[] => [...(spec.initContainers ?? []), ...spec.containers];
const limitsOf = ({ resources }: Manifest): Manifest => resources.limits;
