import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { asGateway } from '../../charts/as-gateway.ts';
import { helmIn } from '../../charts/helm.ts';
import { eventually } from '../../support/eventually.ts';
import { type RunningGateway, startGateway } from '../../support/process/gateway.ts';
import { runCell, startKernel } from '../../support/process/kernel.ts';
import { createPerson } from '../../support/process/person.ts';
import { hubArchive } from './hub-image.ts';
import { asPerson, helmInside } from './as-person.ts';
import { images } from './images.ts';
import { serveNames } from './names.ts';
import { execute, object, read } from './pods.ts';
import { addresses } from './settings.ts';
import { type RunningNode, startNode } from './start.ts';

/** JupyterHub of `charts/stack` on a node that runs pods, a gateway in front of it: one set of files, whoever reads it. */
t.setTimeout(600_000);
const chart = join(import.meta.dirname, '../../../charts/stack/jupyterhub');
const domain = 'knot.test';
const password = 'correct-horse-staple-7';
const node = await startNode(t);
if ('skip' in node) t.test('notebooks as pods', { skip: node.skip }, async () => undefined);
else await t.test('notebooks as pods', (t) => notebooks(t, node));

async function notebooks(t: Test, node: RunningNode): Promise<void> {
  const helm = helmIn(node.folder, node.programs.helm);
  const account = await asGateway(node);
  await node.import(await hubArchive());
  await serveNames(node, { [domain]: addresses.node, [`jupyterhub.${domain}`]: addresses.node }, images.hub);
  const port = await node.inward();
  const hub = `https://jupyterhub.${domain}:${port}`;
  const values = {
    knot: { origin: `https://${domain}:${port}`, hubOrigin: hub, authority: { configMap: 'authority' } },
    hub: { image: images.hub, storage: { existingClaim: 'none' } },
    proxy: { image: images.hub },
    notebooks: { image: images.hub, memory: { guarantee: '128M', limit: '1G' } },
  };
  const install = ['install', 'jupyterhub', chart, '-n', 'knot', '--kubeconfig', node.kubeconfig, '-f', '-'];
  await helm(install, { input: JSON.stringify(values) });
  const proxy = await read(node, 'knot', 'service/proxy-public', '.spec.clusterIP');

  const gateway = await startGateway({
    config: {
      domain,
      listen: `0.0.0.0:${port}`,
      engine: 'kubernetes',
      kubernetes: {
        // Beside the configuration, where its account may read it.
        kubeconfig: 'kubeconfig',
        helm: helmInside,
        podSecurity: 'restricted',
        admission: { listen: '127.0.0.1:9443', url: 'https://127.0.0.1:9443' },
      },
      integrations: { jupyterhub: { mode: 'external', upstream: `http://${proxy}` } },
    },
    launch: asPerson(node, account.kubeconfig),
  });
  t.teardown(() => gateway.stop());
  await tellHub(node, gateway);
  const ann = createPerson(gateway);
  t.teardown(() => ann.close());
  const form = { username: 'ann', email: 'ann@example.org', password };
  await ann.fill(await ann.visit(gateway.setupLink!), form);
  await node.until('deployment/hub', 'condition=Available', 'knot', 120);
  await node.until('deployment/proxy', 'condition=Available', 'knot', 60);

  await t.test('one click leads to JupyterLab, a pod in the namespace of the person', async (t) => {
    await eventually(
      'the server answers',
      async () => {
        // The way a click goes; while the server starts the hub answers 503 at its address.
        await ann.visit(`${hub}/`);
        const { status, url } = await ann.visit(`${hub}/user/ann/lab`);
        return status === 200 && url.endsWith('/user/ann/lab');
      },
      180_000,
    ).catch(async (error: unknown) => {
      for (const about of [['events'], ['pods', '-o', 'wide'], ['rolebindings']])
        t.comment(await node.kubectl('get', '-n', 'knot-ann', ...about).catch(String));
      t.comment(await node.kubectl('logs', '-n', 'knot', 'deployment/hub', '--tail=40').catch(String));
      throw error;
    });
    t.equal(await read(node, 'knot-ann', 'pod/jupyter-ann', '.spec.serviceAccountName'), 'knot-notebook');
  });

  await t.test(
    'a cell, the dashboard, a service and a job with what goes before it read and write the same files',
    async (t) => {
      const [repository, tag] = images.hub.split(/:(?=[^:/]+$)/);
      // Begun before there is a file: it shows what is there when it is asked.
      const wanted = {
        template: 'web',
        name: 'site',
        values: { folder: '/files/private', image: { repository, tag } },
      };
      const launched = await ann.api('POST', '/services', wanted);
      t.equal(launched.status, 202, launched.text);
      const { id } = launched.json<{ service: { id: string } }>().service;
      const { socketUrl } = await startKernel(ann, hub, 'ann');
      const socket = ann.socket(socketUrl);
      t.equal(await runCell(socket, "open('/files/private/cell.txt', 'w').write('of a cell')"), '9');
      t.equal((await ann.api('GET', '/files/private/cell.txt')).text, 'of a cell');
      t.match(await runCell(socket, "__import__('os').listdir('/files')"), /shared/);
      await node.apply(job('of-files'));
      await eventually(
        'the service runs',
        async () => {
          const { state, cause } = (await ann.api('GET', `/services/${id}`)).json<{ state: string; cause?: object }>();
          if (state === 'failed') throw new Error(JSON.stringify(cause));
          return state === 'ready';
        },
        60_000,
      );
      const served = `https://site-ann.${domain}:${port}`;
      t.equal((await ann.visit(`${served}/cell.txt`)).text, 'of a cell');
      await node.until('job/of-files', 'jsonpath={.status.ready}=1', 'knot-ann', 60);
      await eventually(
        'the job has written',
        async () => (await ann.api('GET', '/files/private/job.txt')).text === 'of a cell, of an init container',
      );
      t.equal((await ann.visit(`${served}/job.txt`)).text, 'of a cell, of an init container');
      t.equal(await runCell(socket, "open('/files/private/job.txt').read()"), "'of a cell, of an init container'");
      socket.close();
    },
  );

  await t.test('a notebook does not reach the proxy of the hub past the gateway', async (t) => {
    const reach = (to: string) =>
      execute(node, 'knot-ann', 'job/of-files', 'timeout', '3', 'nc', to, '80', '-e', 'true');
    await t.rejects(reach(proxy));
  });
}

/** A job of hers: an init container adds a word to what the cell wrote, a container makes a file of that and stays. */
function job(name: string) {
  const container = (name: string, script: string) => ({
    name,
    image: images.box,
    command: ['sh', '-c', script],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
  });
  const [cell, before, done] = ['cell', 'before', 'job'].map((file) => `/files/private/${file}.txt`);
  return object('batch/v1', 'Job', 'knot-ann', name, {
    template: {
      spec: {
        restartPolicy: 'Never',
        securityContext: { runAsUser: 1000, runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        initContainers: [container('before', `echo -n "$(cat ${cell}), of an init container" > ${before}`)],
        containers: [container('c', `cat ${before} > ${done}; sleep 3600`)],
      },
    },
  });
}

/** What both sides share. */
async function tellHub(node: RunningNode, gateway: RunningGateway): Promise<void> {
  await node.kubectl('-n', 'knot', 'create', 'configmap', 'authority', `--from-file=ca.crt=${gateway.caFile}`);
  const secret = readFileSync(join(gateway.data, 'jupyterhub/client-secret'), 'utf8').trim();
  const literal = `--from-literal=secret=${secret}`;
  await node.kubectl('-n', 'knot', 'create', 'secret', 'generic', 'jupyterhub-client', literal);
}
