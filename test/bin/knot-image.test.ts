import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { knotImage } from '../../gateway/bin/image/knot.ts';
import { type WrittenImage, writeImage } from '../../gateway/bin/image/index.ts';
import { clusterPrograms } from '../cluster/build.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';

const root = join(import.meta.dirname, '../..');
const programs = await clusterPrograms();
const skip = process.platform !== 'linux' ? 'images are of Linux' : 'skip' in programs ? String(programs.skip) : false;
const folder = mkdtempSync(join(tmpdir(), 'knot-image-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const unpacked = join(folder, 'root');
let settings: { User: string; Entrypoint: string[]; Cmd: string[]; Env: string[] };
let bill: { components: { purl: string }[]; serialNumber: string };

if (!skip && !('skip' in programs)) {
  const image = knotImage({ root, helm: programs.helm[0], createdAt: 0 });
  bill = JSON.parse(image.bill) as typeof bill;
  const written = await writeImage({
    ...image,
    archive: join(folder, 'knot.tar'),
    reference: 'knot:test',
    compress: 'none',
  });
  settings = unpack(written);
}

t.test('the image runs as nobody in particular and holds no shell and no package manager', { skip }, async (t) => {
  t.equal(settings.User, '1000:1000');
  t.same(settings.Entrypoint, ['/usr/local/bin/knot']);
  t.same(settings.Cmd, ['start']);
  const names = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  const programsIn = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/sbin', 'usr/local/bin'].flatMap((path) =>
    existsSync(join(unpacked, path)) ? readdirSync(join(unpacked, path)) : [],
  );
  t.same(programsIn.sort(), ['helm', 'knot', 'node']);
  t.same(
    // A folder may be called like one: it runs nothing.
    names
      .filter((name) => !lstatSync(join(unpacked, name)).isDirectory())
      .filter((name) => /(^|\/)(npm|npx|corepack|yarn|pip|apt|apt-get|dpkg|apk|sh|bash|busybox)$/.test(name)),
    [],
  );
  t.same(
    names.filter((name) => /node_modules\/(typescript|prettier|eslint|tap|playwright-core|vite|svelte)$/.test(name)),
    [],
  );
  t.same(
    names.filter((name) => /(^|\/)(\.git|\.env|\.knot|knot\.yaml)$/.test(name)),
    [],
  );
  for (const name of [
    'gateway/main.ts',
    'policies/schema.cedarschema',
    'charts/templates/web/Chart.yaml',
    'dashboard/build/200.html',
  ])
    t.ok(existsSync(join(unpacked, 'opt/knot', name)), name);
});

t.test('the bill of materials lists what is in it, and the same as npm does', { skip }, async (t) => {
  const purls = bill.components.map(({ purl }) => purl);
  t.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.equal(readFileSync(join(unpacked, 'opt/knot/sbom.cdx.json'), 'utf8').trim(), JSON.stringify(bill, null, 1));
  t.ok(
    purls.some((purl) => purl.startsWith('pkg:golang/helm.sh/helm/v4@v4.')),
    'Helm',
  );
  const words = ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'];
  const ofNpm = spawnSync('npm', words, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (ofNpm.status !== 0) return t.pass('', { skip: `this npm makes none: ${ofNpm.stderr.slice(0, 200)}` });
  type Component = { name: string; purl: string };
  // The lock file lists what is for other systems as well.
  const theirs = (JSON.parse(ofNpm.stdout) as { components: Component[] }).components
    .filter(({ name }) => existsSync(join(unpacked, 'opt/knot/node_modules', name)))
    .map(({ purl }) => decodeURIComponent(purl));
  t.ok(theirs.length > 200, `${theirs.length} packages`);
  const own = new Set(purls.map(decodeURIComponent));
  t.same(
    theirs.filter((purl) => !own.has(purl)),
    [],
    'none is missing',
  );
});

const sandbox = ['/usr/bin/bwrap', '/usr/local/bin/bwrap'].find((file) => existsSync(file));
const noSandbox = skip || (sandbox === undefined && 'bubblewrap is not installed');

t.test('it runs on a file system that it cannot write, without rights', { skip: noSandbox }, async (t) => {
  const run = (...args: string[]) => spawnSync(sandbox!, inImage(...args), { encoding: 'utf8' });
  t.match(run('knot', '--version'), { status: 0, stdout: /^knot \d+\.\d+\.\d+ \(Node 26/ });
  t.match(run('helm', 'version', '--short'), { status: 0, stdout: /^v4\./ });
  t.match(run('knot', 'policy', 'check'), { status: 0, stdout: /rules are valid/ });
  t.match(run('knot', 'template', 'list'), { status: 0, stdout: /web/ });
  t.not(run('sh', '-c', 'true').status, 0);

  const [listen, ops] = [await freePort(), await freePort()];
  writeFileSync(
    join(folder, 'data/knot.yaml'),
    `{ listen: "127.0.0.1:${listen}", ops: "127.0.0.1:${ops}", integrations: { jupyterhub: { mode: "off" } } }`,
  );
  const gateway = spawn(sandbox!, inImage('knot', 'start', '--config', '/var/lib/knot/knot.yaml'), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [gateway.stdout, gateway.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  t.teardown(() => gateway.kill('SIGKILL'));
  const isReady = () =>
    fetch(`http://127.0.0.1:${ops}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await eventually('a ready gateway', async () => {
    if (gateway.exitCode !== null) throw new Error(said);
    return isReady();
  });
  await eventually('the link of the first admin', () => said.includes('open this link to make the first admin'));
  t.match(run('knot', 'user', 'setup-link'), { status: 0, stdout: /\/setup\// }, 'as kubectl exec does');
  await end(t, gateway);
});

/** The layers one upon the other, as an engine mounts them. */
function unpack({ archive }: WrittenImage): typeof settings {
  const layout = join(folder, 'layout');
  for (const path of [layout, unpacked, join(folder, 'data')]) mkdirSync(path);
  const tar = (...args: string[]) => {
    const { status, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  tar('-xf', archive, '-C', layout);
  rmSync(archive);
  const [list] = JSON.parse(readFileSync(join(layout, 'manifest.json'), 'utf8')) as {
    Config: string;
    Layers: string[];
  }[];
  for (const layer of list!.Layers) tar('-xpf', join(layout, layer), '-C', unpacked);
  const { config } = JSON.parse(readFileSync(join(layout, list!.Config), 'utf8')) as { config: typeof settings };
  rmSync(layout, { recursive: true });
  return config;
}

function inImage(...command: string[]): string[] {
  const env = settings.Env.flatMap((one) => ['--setenv', ...one.split(/=(.*)/s).slice(0, 2)]);
  const mounts = ['--ro-bind', unpacked, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'];
  const data = ['--bind', join(folder, 'data'), '/var/lib/knot'];
  const account = [
    '--unshare-user',
    '--unshare-pid',
    '--uid',
    '1000',
    '--gid',
    '1000',
    '--cap-drop',
    'ALL',
    '--die-with-parent',
  ];
  return [...mounts, ...data, ...account, '--clearenv', ...env, '--', ...command];
}

async function end(t: Test, child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  t.pass('ended');
}
