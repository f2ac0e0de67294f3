import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { eventually } from '../../support/eventually.ts';
import { programPath } from './able.ts';
import { groupFolders } from './groups.ts';
import { images, nodeArchive } from './images.ts';
import { isInFront } from './in-front.ts';
import { answering, execute, makeNamespace, object, pod, read } from './pods.ts';
import { addresses } from './settings.ts';
import { type RunningNode, startNode } from './start.ts';
import { testStreams } from './streams.ts';

const before = traces();
const node = await startNode(t);
if ('skip' in node) t.test('a real node', { skip: node.skip }, async () => undefined);
else {
  // Waiting is most of what they do.
  await t.test('on a real node', { jobs: 4 }, async (t) => {
    testRefusals(t, node);
    testPods(t, node);
    testStreams(t, node);
  });
  await t.test('a program that is launched has the network of the node and finds itself in /proc', async (t) => {
    const child = node.launch(['sh', '-c', 'readlink /proc/self; hostname'], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.match(await saidBy(child), /^\d+\nknode\n$/);
  });
  await t.test('a gateway is in front of it, as whoever tries it has it', (t) => isInFront(t, node));
  await t.test('pods run on while the kubelet is down, and are told about again afterwards', (t) =>
    outlivesKubelet(t, node),
  );
  await t.test('of a node that is stopped nothing is left', (t) => leavesNothing(t, node));
  await t.test('of one whose process is killed nothing is left either', survivesNoKill);
}

function testPods(t: Test, node: RunningNode) {
  t.test('a pod starts and answers at its address, behind a Service, and to another pod', async (t) => {
    await makeNamespace(node, 'answering');
    const say = ['sh', '-c', 'echo "hello of $POD" > /tmp/index.html && exec httpd -f -p 8080 -h /tmp'];
    const environment = [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
    await node.apply(
      pod('answering', 'web', {
        containers: [{ name: 'web', image: images.box, command: say, env: environment, ...answering(8080) }],
      }),
      pod('answering', 'visitor'),
      object('v1', 'Service', 'answering', 'web', {
        selector: { name: 'web' },
        ports: [{ port: 80, targetPort: 8080 }],
      }),
    );
    await node.until('pod/web', 'condition=Ready', 'answering');
    const address = await read(node, 'answering', 'pod/web', '.status.podIP');
    const service = await read(node, 'answering', 'service/web', '.spec.clusterIP');
    t.match(address, /^10\.244\.0\./);
    const port = await node.inward({ host: address, port: 8080 });
    t.equal(await fetchText(port), 'hello of web\n', 'from outside, by a relay');
    t.equal(await inside(node, ['wget', '-qO-', `http://${address}:8080/`]), 'hello of web\n', 'from the node');
    await node.until('pod/visitor', 'condition=Ready', 'answering');
    await eventually('an answer of the Service in a pod', async () => {
      const answer = await execute(node, 'answering', 'visitor', 'timeout', '2', 'wget', '-qO-', `http://${service}/`);
      return answer === 'hello of web\n';
    });
  });

  t.test('a pod reaches a server outside through a relay, and bodies of any size arrive whole', async (t) => {
    await makeNamespace(node, 'relayed');
    const server = createServer((request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => (length += chunk.length));
      request.on('end', () => response.end(`${length} of ${String(request.headers['x-from'])}`));
    }).listen(0, '127.0.0.1');
    t.teardown(() => server.close());
    await once(server, 'listening');
    await node.outward({ host: addresses.node, port: 9999 }, (server.address() as AddressInfo).port);
    await node.apply(pod('relayed', 'client'));
    await node.until('pod/client', 'condition=Ready', 'relayed');
    const upload =
      'yes | head -c 3000000 > /tmp/body; wget -qO- --header "x-from: pod" --post-file /tmp/body http://10.99.0.1:9999/';
    t.equal(await execute(node, 'relayed', 'client', 'sh', '-c', upload), '3000000 of pod');
  });

  t.test(
    'a file that a pod writes in a volume is on the host, with its owner; an init container sees it too',
    async (t) => {
      await makeNamespace(node, 'files');
      const folder = join(node.files, 'area');
      mkdirSync(folder);
      chmodSync(folder, 0o777);
      writeFileSync(join(folder, 'from-host'), 'host');
      const volumeMounts = [{ name: 'area', mountPath: '/files/private' }];
      const claim = {
        accessModes: ['ReadWriteMany'],
        storageClassName: '',
        resources: { requests: { storage: '1Mi' } },
      };
      await node.apply(
        {
          ...object('v1', 'PersistentVolume', undefined, 'area', {
            accessModes: ['ReadWriteMany'],
            storageClassName: '',
            capacity: { storage: '1Mi' },
            hostPath: { path: folder },
            claimRef: { namespace: 'files', name: 'area' },
          }),
        },
        object('v1', 'PersistentVolumeClaim', 'files', 'area', { ...claim, volumeName: 'area' }),
        pod('files', 'writer', {
          restartPolicy: 'Never',
          securityContext: { runAsUser: 1000, fsGroup: 1000 },
          volumes: [{ name: 'area', persistentVolumeClaim: { claimName: 'area' } }],
          initContainers: [
            {
              name: 'first',
              image: images.box,
              command: ['sh', '-c', 'cp /files/private/from-host /files/private/by-init'],
              volumeMounts,
            },
          ],
          containers: [
            {
              name: 'then',
              image: images.box,
              command: ['sh', '-c', 'umask 077; echo pod > /files/private/by-pod'],
              volumeMounts,
            },
          ],
        }),
      );
      await node.until('pod/writer', 'jsonpath={.status.phase}=Succeeded', 'files');
      t.equal(readFileSync(join(folder, 'by-init'), 'utf8'), 'host');
      t.equal(readFileSync(join(folder, 'by-pod'), 'utf8'), 'pod\n');
      t.match(statSync(join(folder, 'by-pod')), { uid: 1000, mode: 0o100600 });
    },
  );

  t.test('what is run in a pod ends with its own status, and its log is what it said', async (t) => {
    await makeNamespace(node, 'talking');
    await node.apply(
      pod('talking', 'talker', {
        containers: [{ name: 'c', image: images.box, command: ['sh', '-c', 'echo out; echo err >&2; sleep 1000'] }],
      }),
    );
    await node.until('pod/talker', 'condition=Ready', 'talking');
    t.equal(await execute(node, 'talking', 'talker', 'sh', '-c', 'echo $((6 * 7)); hostname'), '42\ntalker\n');
    await t.rejects(execute(node, 'talking', 'talker', 'sh', '-c', 'exit 7'), /exit code 7/);
    const given = await node.kubectlWith({ input: 'typed' }, 'exec', '-i', '-n', 'talking', 'talker', '--', 'cat');
    t.equal(given, 'typed');
    await eventually('the log', async () => {
      const log = await node.kubectl('logs', '-n', 'talking', 'talker');
      return log.split('\n').toSorted().join(' ').trim() === 'err out';
    });
  });

  t.test('a program of Node runs in a pod, and a Job of it completes', async (t) => {
    await node.import(await nodeArchive());
    await makeNamespace(node, 'working');
    await node.apply(
      object('batch/v1', 'Job', 'working', 'count', {
        backoffLimit: 0,
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'c', image: images.node, args: ['-e', 'console.log(process.version, process.pid)'] }],
          },
        },
      }),
    );
    await node.until('job/count', 'condition=Complete', 'working');
    t.equal(await node.kubectl('logs', '-n', 'working', 'job/count'), `${process.version} 1\n`);
  });
}

function testRefusals(t: Test, node: RunningNode) {
  // The first to start: the kubelet may take ten seconds to say that it waits.
  t.test('an image that does not exist and a program that always ends are told as such', async (t) => {
    await makeNamespace(node, 'broken');
    await node.apply(
      pod('broken', 'missing', { containers: [{ name: 'c', image: 'registry.test/nothing:1' }] }),
      pod('broken', 'crashing', {
        containers: [{ name: 'c', image: images.box, command: ['sh', '-c', 'echo oh no; exit 3'] }],
      }),
    );
    // It is tried again and again, with pauses between.
    let seen = '';
    const waitsFor = (name: string, reason: RegExp) =>
      eventually(
        () => `${name} waits for ${String(reason)}, not ${seen}`,
        async () => {
          const { body } = await node.request(`/api/v1/namespaces/broken/pods/${name}`);
          seen = JSON.stringify(body.status);
          return reason.test(body.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? '');
        },
      );
    await waitsFor('missing', /^(ErrImagePull|ImagePullBackOff)$/);
    await waitsFor('crashing', /^CrashLoopBackOff$/);
    // Which one is the last before changes with each start.
    await eventually('what it said before it ended', async () => {
      const said = await node.kubectl('logs', '-n', 'broken', 'crashing', '--previous').catch(() => '');
      return said === 'oh no\n';
    });
    const status = '.status.containerStatuses[0].lastState.terminated.exitCode';
    t.equal(await read(node, 'broken', 'pod/crashing', status), '3');
  });

  t.test('a container that takes more memory than its limit is killed for it', async (t) => {
    await makeNamespace(node, 'greedy');
    await node.apply(
      pod('greedy', 'hog', {
        restartPolicy: 'Never',
        containers: [
          { name: 'c', image: images.box, command: ['tail', '/dev/zero'], resources: { limits: { memory: '32Mi' } } },
        ],
      }),
    );
    await node.until('pod/hog', 'jsonpath={.status.phase}=Failed', 'greedy');
    t.equal(await read(node, 'greedy', 'pod/hog', '.status.containerStatuses[0].state.terminated.reason'), 'OOMKilled');
  });

  t.test('a NetworkPolicy keeps others out until it is lifted', async (t) => {
    await makeNamespace(node, 'walled');
    await node.apply(
      pod('walled', 'web', {
        containers: [
          { name: 'c', image: images.box, command: ['httpd', '-f', '-p', '8080', '-h', '/etc'], ...answering(8080) },
        ],
      }),
      pod('walled', 'other'),
    );
    await Promise.all(['pod/web', 'pod/other'].map((name) => node.until(name, 'condition=Ready', 'walled')));
    const address = await read(node, 'walled', 'pod/web', '.status.podIP');
    // A refusal is one that is said: what only takes long is none.
    const finds = (what: RegExp) =>
      execute(node, 'walled', 'other', 'timeout', '5', 'wget', '-qO-', `http://${address}:8080/group`).then(
        (text) => what.test(text),
        (error: Error) => what.test(error.message),
      );
    const [answer, refusal] = [/^person:/, /Connection refused/];
    await eventually('an answer while nothing forbids it', () => finds(answer));
    await node.apply(
      object('networking.k8s.io/v1', 'NetworkPolicy', 'walled', 'nobody', {
        podSelector: {},
        policyTypes: ['Ingress'],
      }),
    );
    await eventually('the policy in force', () => finds(refusal));
    await node.kubectl('delete', '-n', 'walled', 'networkpolicy/nobody');
    await eventually('an answer after it was lifted', () => finds(answer));
    t.pass();
  });

  t.test('Pod Security refuses root, and lets those run who keep to it', async (t) => {
    await makeNamespace(node, 'restricted', { 'pod-security.kubernetes.io/enforce': 'restricted' });
    await t.rejects(node.apply(pod('restricted', 'root')), /violates PodSecurity "restricted/);
    const who = 'id -u; grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status; touch /x 2>/dev/null || echo read-only';
    await node.apply(
      pod('restricted', 'kept', {
        restartPolicy: 'Never',
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'c',
            image: images.box,
            command: ['sh', '-c', who],
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
      }),
    );
    await node.until('pod/kept', 'jsonpath={.status.phase}=Succeeded', 'restricted');
    const log = await node.kubectl('logs', '-n', 'restricted', 'kept');
    t.match(log.replaceAll(/\s+/g, ' '), /^1000 CapEff: 0+ NoNewPrivs: 1 Seccomp: 2 read-only/);
  });
}

async function outlivesKubelet(t: Test, node: RunningNode) {
  await makeNamespace(node, 'outliving');
  const serving = { image: images.box, command: ['httpd', '-f', '-p', '8080', '-h', '/etc'] };
  await node.apply(pod('outliving', 'web', { containers: [{ name: 'c', ...serving, ...answering(8080) }] }));
  await node.until('pod/web', 'condition=Ready', 'outliving');
  const port = await node.inward({ host: await read(node, 'outliving', 'pod/web', '.status.podIP'), port: 8080 });
  await node.kubelet.stop();
  await t.rejects(execute(node, 'outliving', 'web', 'true'), /connection refused/);
  t.match(await fetchText(port, '/passwd'), 'root:x:0:0:', 'it serves all the same');
  await node.kubelet.start();
  await eventually('a kubelet that runs programs in pods', () =>
    execute(node, 'outliving', 'web', 'true').then(
      () => true,
      () => false,
    ),
  );
}

async function leavesNothing(t: Test, node: RunningNode) {
  const [name = ''] = /knot-node-\d+/.exec(node.files) ?? [];
  t.ok(left(name, node.folder).length > 10, 'there is something to be seen');
  await node.stop();
  t.same(left(name, node.folder), []);
  t.same(traces(), before);
}

async function survivesNoKill(t: Test) {
  const script = `
    const { makeNamespaces } = await import(${JSON.stringify(join(import.meta.dirname, 'namespaces.ts'))});
    const namespaces = await makeNamespaces();
    const [program, ...args] = [...namespaces.enter.node, 'setsid', 'sleep', '1000'];
    const { spawn } = await import('node:child_process');
    spawn(program, args, { stdio: 'ignore', detached: true });
    namespaces.spawn(['sleep', '1001'], { stdio: 'ignore' });
    console.log(namespaces.folder);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [folder] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  await eventually('its processes', () => left(name, folder).filter((trace) => trace.startsWith('process')).length > 2);
  t.ok(left(name, folder).some((trace) => trace.includes('cgroup')));
  child.kill('SIGKILL');
  await eventually(
    () => left(name, folder).join('\n'),
    () => left(name, folder).length === 0,
  );
}

/** Folders, control groups, mounts and processes of a node. */
function left(name: string, folder: string): string[] {
  const processes = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isOf(pid));
  function isOf(pid: string): boolean {
    try {
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return mounts.includes(name) || line.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false;
    }
  }
  return [
    ...[folder, ...groupFolders(name)].filter((path) => existsSync(path)),
    ...processes.map((pid) => `process ${pid}`),
  ];
}

/** What a node could leave on the machine, whatever its name. */
function traces() {
  const said = (program: string, ...args: string[]) =>
    spawnSync(program, args, { encoding: 'utf8', env: { PATH: programPath } }).stdout;
  const folders = ['/etc/cni', '/var/lib/cni', '/var/lib/kubelet', '/var/log/pods', '/usr/libexec/kubernetes'];
  const settings = ['vm/overcommit_memory', 'kernel/panic', 'kernel/panic_on_oops', 'net/ipv4/ip_forward'];
  return {
    interfaces: said('ip', '-br', 'link'),
    rules: said('nft', 'list', 'ruleset'),
    sets: said('ipset', 'list', '-n'),
    folders: [...folders, ...groupFolders('k8s.io'), ...groupFolders('kubepods')].filter((path) => existsSync(path)),
    settings: settings.map((name) => readFileSync(join('/proc/sys', name), 'utf8')),
  };
}

function inside(node: RunningNode, command: string[]): Promise<string> {
  return saidBy(node.spawn(['busybox', ...command], { stdio: ['ignore', 'pipe', 'inherit'] }));
}

async function saidBy(child: ChildProcess): Promise<string> {
  let said = '';
  for await (const chunk of child.stdout!) said += String(chunk);
  return said;
}

async function fetchText(port: number, path = '/'): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}
