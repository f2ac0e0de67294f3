import { request } from 'node:http';
import t, { type Test } from 'tap';
import { images } from '../../cluster/node/images.ts';
import { measurePods } from '../../cluster/node/metrics.ts';
import { type RunningNode, startNode } from '../../cluster/node/start.ts';
import { processesWith } from '../../support/process/processes-with.ts';
import { testEngine } from '../engine.ts';
import { type Chart, openKubernetesEngine } from './house.ts';
import { type Again, type TalkHouse, testTalk } from './talk.ts';

/** A program of Node behind a Service; `beside`: other containers of its pod. */
const chartOf = (program: string, beside = ''): Chart => ({
  'files/program.js': program,
  'templates/program.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  strategy: { type: Recreate }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: program
          image: ${images.node}
          args: ["-e", {{ .Files.Get "files/program.js" | toJson }}, {{ .Values.say | toJson }}]
          env:
            - { name: LISTEN, value: "8080" }
            - { name: SERVICE, value: {{ .Values.knot.service.id | quote }} }
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1, timeoutSeconds: 2 }
${beside}
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ name: http, port: 80, targetPort: http }]
`,
});

/** What every engine must do, told on the engine of a cluster: its programs are Node in pods that really run. */
const node = await startNode(t, { withNodeImage: true });
if ('skip' in node) t.test('releases in a cluster', { skip: node.skip }, async () => undefined);
else
  await t.test('releases in a cluster', { jobs: 4 }, async (t) => {
    await measurePods(t, node);
    testEngine(t, (t) => openOn(t, node));
    testTalk(t, (t, again) => openOn(t, node, again));
  });

/** Pods answer in the network of the node, where this process is not. */
async function openOn(t: Test, node: RunningNode, again: Again = {}): Promise<TalkHouse> {
  /** Ways from here to where pods answer, by address. */
  const ways = new Map<string, Promise<number>>();
  async function reachedAt({ hostname, port }: { hostname: string; port: number }) {
    const key = `${hostname}:${port}`;
    if (!ways.has(key)) ways.set(key, node.inward({ host: hostname, port }));
    return { hostname: '127.0.0.1', port: await ways.get(key)! };
  }
  const house = await openKubernetesEngine(t, node, { reachedAt, ...again });
  const { engine, service, namespace, folder, close } = house;
  return {
    ...{ engine, close, again: { namespace, folder } },
    async service(program, { plan = {}, values = { say: '' }, size, beside = '' } = {}) {
      const made = await service(chartOf(program, beside), { values, ...(size && { size }) });
      const { template } = made;
      return { ...made, template: { ...template, plan: { ...template.plan, startSeconds: 20, ...plan } } };
    },
    async ask(one, path = '/') {
      const place = engine.upstreamOf(one);
      if (place === undefined || engine.observe(one).phase === 'absent') return undefined;
      return ask((await reachedAt(place)).port, path);
    },
    left: ({ id }) => processesWith(id),
  };
}

function ask(port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false });
    asked.on('response', async (response) => resolve((await response.toArray()).join('')));
    asked.on('error', () => resolve(undefined)).end();
  });
}
