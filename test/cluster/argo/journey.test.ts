import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { argoSettings } from '../../../gateway/integrations/argo/settings.ts';
import { type Helm, openHelm } from '../../charts/helm.ts';
import { eventually } from '../../support/eventually.ts';
import { openPeople } from '../../support/process/people.ts';
import { images } from '../node/images.ts';
import { makeNamespace } from '../node/pods.ts';
import { type RunningNode, startNode } from '../node/start.ts';
import { executorArchive, executorImage } from './image.ts';
import { type Argo, startArgo } from './start.ts';
import { settingsFrom } from './values.ts';

/** A workflow whose steps are real pods: what one writes into a person's files is in the browser. */

const node = await startNode(t);
const shown = argoSettings({ origin: '', issuer: '', caFile: undefined, namespace: 'argo', secret: undefined });
const argo = 'skip' in node ? node : await startArgo(t, node, { ...settingsFrom(shown), executorImage });
if ('skip' in node || 'skip' in argo)
  t.test('a workflow of real pods', { skip: 'skip' in argo ? argo.skip : '' }, async () => undefined);
else await behaves(node, argo);

async function behaves(node: RunningNode, argo: Argo): Promise<void> {
  const helm = (await openHelm(t)) as Helm;
  await makeNamespace(node, 'knot');
  const files = ['rbac-gateway', 'rbac-user', 'rbac-argo', 'bounds'].flatMap((name) => [
    '-s',
    `templates/${name}.yaml`,
  ]);
  const chart = join(import.meta.dirname, '../../../charts/knot');
  await node.kubectlWith(
    { input: await helm(['template', 'knot', chart, '-n', 'knot', ...files]) },
    'apply',
    '--server-side',
    '-f',
    '-',
  );
  const config = JSON.parse(readFileSync(node.kubeconfig, 'utf8')) as { users: { user: object }[] };
  config.users[0]!.user = { token: await node.serviceAccountToken('knot', 'knot-gateway') };
  const kubeconfig = join(node.folder, 'gateway.kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  await node.import(await executorArchive());
  // The gateway is in the network of the node, and Argo in one of its own.
  const port = Number(new URL(argo.url).port);
  await node.outward({ host: '127.0.0.1', port }, port);
  const { gateway, person } = await openPeople(t, {
    launch: node.launch,
    others: ['joanna'],
    config: {
      listen: `127.0.0.1:${await node.inward()}`,
      engine: 'kubernetes',
      kubernetes: { kubeconfig, admission: { listen: '127.0.0.1:9443', url: 'https://127.0.0.1:9443' } },
      integrations: { jupyterhub: { mode: 'off' }, argo: { upstream: argo.url } },
    },
  });
  const joanna = await person('joanna');
  const role = '/apis/rbac.authorization.k8s.io/v1/namespaces/knot-joanna/rolebindings/knot-argo';
  await eventually('her place', async () => (await node.request(role)).status === 200);
  await node.until('pvc/knot-private', 'jsonpath={.status.phase}=Bound', 'knot-joanna');

  await t.test('a step writes a file, which is in the file page; its log and its end are told', async (t) => {
    const origin = `https://argo.localhost:${gateway.port}`;
    await joanna.visit(`${origin}/`);
    const workflow = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Workflow',
      metadata: { name: 'writer' },
      spec: {
        entrypoint: 'main',
        // The images of these tests run as root.
        securityContext: { runAsNonRoot: false, runAsUser: 0 },
        templates: [
          {
            name: 'main',
            outputs: { parameters: [{ name: 'said', valueFrom: { path: '/tmp/said' } }] },
            container: {
              image: images.box,
              command: [
                'sh',
                '-c',
                'echo from a workflow > /files/private/out.txt; echo told > /tmp/said; echo wrote it',
              ],
            },
          },
        ],
      },
    };
    const made = await joanna.request('POST', `${origin}/api/v1/workflows/knot-joanna`, {
      headers: { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
      body: JSON.stringify({ workflow }),
    });
    t.equal(made.status, 200, made.text);
    type Seen = { status: { phase?: string; message?: string; nodes?: Record<string, { outputs?: object }> } };
    let seen: Seen['status'] = {};
    await eventually(
      () => `its end: ${JSON.stringify(seen)}`,
      async () => {
        const answer = await joanna.request('GET', `${origin}/api/v1/workflows/knot-joanna/writer`);
        seen = answer.json<Seen>().status;
        return ['Succeeded', 'Failed', 'Error'].includes(seen.phase ?? '');
      },
    );
    t.equal(seen.phase, 'Succeeded', JSON.stringify(seen));
    t.match(JSON.stringify(seen.nodes), '"value":"told"', 'what the step says of itself came by its own account');
    const file = await joanna.request('GET', '/api/v1/files/private/out.txt');
    t.equal(file.text, 'from a workflow\n');
    const log = await joanna.request(
      'GET',
      `${origin}/api/v1/workflows/knot-joanna/writer/log?logOptions.container=main&podName=writer`,
    );
    t.match(log.text, 'wrote it');
  });
}
