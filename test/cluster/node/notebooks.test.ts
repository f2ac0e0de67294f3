import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { RunningGateway } from '../../support/process/gateway.ts';
import { rulesOfGateway } from '../../charts/as-gateway.ts';
import { chartFolder, helmIn, objectsIn } from '../../charts/helm.ts';
import { authorityOf, giveVolume, importKnot, installed } from '../../charts/knot-on-node.ts';
import { rightsUsed } from '../../charts/rights-used.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/net/free-port.ts';
import { runCell, startKernel } from '../../support/process/kernel.ts';
import { createPerson, type Person } from '../../support/process/person.ts';
import { findPostgres } from '../../support/process/postgres.ts';
import { becomes, launch } from '../../support/process/services.ts';
import { hubArchive } from './hub-image.ts';
import { images } from './images.ts';
import { serveNames } from './names.ts';
import { execute, makeNamespace, object, pod, read } from './pods.ts';
import { postgresqlArchive } from './postgresql-image.ts';
import { type RunningNode, startNode } from './start.ts';

/**
 * All of it in pods, by the two charts: the gateway, its PostgreSQL, JupyterHub, notebooks, a service. From the link for the first admin
 * to a cell that runs; one set of files on a claim, whoever reads it; and what stays when a pod is replaced.
 */
const hubChart = join(import.meta.dirname, '../../../charts/stack/jupyterhub');
const domain = 'knot.test';
const password = 'correct-horse-staple-7';
const node = await startNode(t);
const binaries = await findPostgres();
if ('skip' in node) t.test('Knot in pods', { skip: node.skip }, async () => undefined);
else if (binaries === undefined) t.test('Knot in pods', { skip: 'PostgreSQL is not installed' }, async () => undefined);
else await t.test('Knot in pods', (t) => knotInPods(t, node, binaries));

async function knotInPods(t: Test, node: RunningNode, binaries: string): Promise<void> {
  const helm = helmIn(node.folder, node.programs.helm);
  const { image, reference } = await importKnot(node);
  for (const archive of [await postgresqlArchive(binaries), await hubArchive()]) await node.import(archive);
  // The strictest that its pods may be held to, and the files on a claim, as it must be for that.
  await makeNamespace(node, 'knot', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  await serveNames(node, {}, reference);
  await giveVolume(node, 'knot-data', { account: 1000 });
  const database = await giveVolume(node, 'data-knot-postgresql-0', { account: 999 });
  // A first start that was cut short left this.
  const half = join(database, 'pgdata.new');
  mkdirSync(half, { mode: 0o700 });
  writeFileSync(join(half, 'PG_VERSION'), '15\n');
  for (const path of [half, join(half, 'PG_VERSION')]) chownSync(path, 999, 999);
  await giveVolume(node, 'knot-files', { account: 1000, accessMode: 'ReadWriteMany' });
  const secret = `--from-literal=secret=${randomBytes(32).toString('hex')}`;
  await node.kubectl('-n', 'knot', 'create', 'secret', 'generic', 'jupyterhub-client', secret);

  const port = await freePort();
  const origin = `https://${domain}:${port}`;
  const hub = `https://jupyterhub.${domain}:${port}`;
  const clientSecret = { fromFile: '/etc/knot/secrets/jupyterhub-client/secret' };
  const values = {
    image,
    secrets: ['jupyterhub-client'],
    database: { kind: 'bundled', bundled: { image: images.postgresql } },
    files: { create: true },
    service: { port },
    config: {
      domain,
      signUp: 'approval',
      kubernetes: { storage: { kind: 'claim', claim: 'knot-files' }, podSecurity: 'restricted' },
      integrations: { jupyterhub: { mode: 'external', upstream: 'http://proxy-public.knot', clientSecret } },
    },
  };
  await installed(node, helm, 'install', ['knot', chartFolder], values);
  const address = await read(node, 'knot', 'service/knot', '.spec.clusterIP');
  await node.inward({ host: address, port, at: port });
  const gateway = await reached(node, origin);
  await installed(node, helm, 'install', ['jupyterhub', hubChart], {
    knot: {
      origin,
      hubOrigin: hub,
      authority: { configMap: 'authority' },
      hostAliases: [{ ip: address, hostnames: [domain, `jupyterhub.${domain}`] }],
    },
    hub: { image: images.hub, storage: { existingClaim: 'none' } },
    proxy: { image: images.hub },
    notebooks: { image: images.hub, memory: { guarantee: '128M', limit: '1G' } },
  });
  const proxy = await read(node, 'knot', 'service/proxy-public', '.spec.clusterIP');
  const stranger = (): Person => {
    const person = createPerson(gateway);
    t.teardown(() => person.close());
    return person;
  };
  const ann = stranger();
  const files = (method: string, path: string, body?: string) =>
    ann.request(method, `/api/v1/files/${path}`, {
      headers: { origin, 'sec-fetch-site': 'same-origin' },
      ...(body !== undefined && { body }),
    });

  await t.test('the first admin by the link, who lets somebody in, whose place is made step by step', async (t) => {
    const link = /https:\S+\/setup\/\S+/.exec(await inKnot(node, 'knot', 'user', 'setup-link'))![0];
    await ann.fill(await ann.visit(link), { username: 'ann', email: 'ann@example.org', password });
    const bea = stranger();
    await bea.submit('/signup', { username: 'bea', email: 'bea@example.org', password });
    const { users } = (await ann.api('GET', '/users?state=pending')).json<{
      users: { id: string; username: string }[];
    }>();
    t.match(users, [{ username: 'bea' }]);
    t.equal((await ann.api('PATCH', `/users/${users[0]!.id}`, { state: 'active' })).status, 200);
    await bea.signIn('bea', password);
    type Steps = { place?: { state: string; steps: { name: string; state: string }[] } };
    const steps = await eventually('her place', async () => {
      const { place } = (await bea.api('GET', '/provisioning/user/bea')).json<Steps>();
      return place?.state === 'ready' && place.steps;
    });
    t.ok(steps.length >= 6 && steps.every(({ state }) => state === 'done'), JSON.stringify(steps));
    for (const claim of ['knot-private', 'knot-shared'])
      await node.until(`pvc/${claim}`, 'jsonpath={.status.phase}=Bound', 'knot-bea');
  });

  await t.test('one click leads to JupyterLab, a pod in the namespace of the person', async (t) => {
    await eventually(
      'the server answers',
      async () => {
        // The way a click goes; while the server starts the hub answers 503 at its address.
        await ann.visit(`${hub}/`);
        const { status, url } = await ann.visit(`${hub}/user/ann/lab`);
        return status === 200 && url.endsWith('/user/ann/lab');
      },
      600_000,
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
      const { id } = await launch(ann, wanted);
      const { socketUrl } = await startKernel(ann, hub, 'ann');
      const socket = ann.socket(socketUrl);
      t.equal(await runCell(socket, "open('/files/private/cell.txt', 'w').write('of a cell')"), '9');
      t.equal((await ann.api('GET', '/files/private/cell.txt')).text, 'of a cell');
      t.equal((await files('PUT', 'private/put.txt', 'of the dashboard')).status, 201);
      t.equal(await runCell(socket, "open('/files/private/put.txt').read()"), "'of the dashboard'");
      t.match(await runCell(socket, "__import__('os').listdir('/files')"), /shared/);
      await node.apply(job('of-files'));
      await becomes(ann, id, 'ready');
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

  await t.test('the database is for the gateway alone, and outlives its pod and an upgrade', async (t) => {
    const passwordNow = () => read(node, 'knot', 'secret/knot-postgresql', '.data.password');
    const first = await passwordNow();
    const isThere = async () => (await ann.api('GET', '/users')).text.includes('"bea"');
    const podOfDatabase = await read(node, 'knot', 'pod/knot-postgresql-0', '.status.podIP');
    await makeNamespace(node, 'elsewhere');
    await node.apply(pod('elsewhere', 'visitor'));
    await node.until('pod/visitor', 'condition=Ready', 'elsewhere');
    const reach = (port: string) =>
      execute(node, 'elsewhere', 'visitor', 'sh', '-c', `echo | timeout 8 nc -w 3 ${podOfDatabase} ${port}`);
    await t.rejects(reach('5432'));

    await node.kubectl('delete', 'pod', '-n', 'knot', 'knot-postgresql-0', '--wait');
    await eventually('people again', () => isThere().catch(() => false));
    // It was told to end and did; one that is killed has to be repaired at its next start.
    const log = await node.kubectl('logs', '-n', 'knot', 'knot-postgresql-0');
    t.match(log, /database system was shut down at/);
    t.notMatch(log, /not properly shut down/);

    await installed(node, helm, 'upgrade', ['knot', chartFolder], { ...values, podAnnotations: { turn: '2' } });
    t.equal(await read(node, 'knot', 'deployment/knot', '.spec.template.metadata.annotations.turn'), '2');
    t.equal(await passwordNow(), first);
    await eventually('who was signed in still is', () => isThere().catch(() => false));
  });

  await t.test('it asked for nothing that its role does not give', async (t) => {
    const rules = rulesOfGateway(objectsIn(await helm(['template', 'knot', chartFolder, '--namespace', 'knot'])));
    const { refused, used } = rightsUsed(await node.auditLog(), 'system:serviceaccount:knot:knot-gateway', rules);
    t.strictSame(refused, []);
    t.ok(used.get('get persistentvolumeclaims'), 'the claim of all files in its own namespace');
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

/** The way in for people, whose browsers trust the authority that Knot has made for itself. */
async function reached(node: RunningNode, origin: string): Promise<Pick<RunningGateway, 'origin' | 'caFile'>> {
  const caFile = await authorityOf(node, origin);
  await node.kubectl('-n', 'knot', 'create', 'configmap', 'authority', `--from-file=ca.crt=${caFile}`);
  return { origin, caFile };
}

function inKnot(node: RunningNode, ...command: string[]): Promise<string> {
  return node.kubectl('exec', '-n', 'knot', 'deployment/knot', '-c', 'gateway', '--', ...command);
}
