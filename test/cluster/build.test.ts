import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';

/** Asks in a process of its own, which sees only what it is given. Its `go` writes down what it was asked instead of building. */
async function programs(
  folder: string,
  environment: Record<string, string> = {},
): Promise<{ found?: Record<string, string[]>; error: string; said: string }> {
  const script = `
    import { clusterPrograms } from ${JSON.stringify(join(import.meta.dirname, 'build.ts'))};
    console.log(JSON.stringify(await clusterPrograms()));`;
  const { CI: _, KUBEBUILDER_ASSETS: __, ...ours } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '-e', script],
      { env: { ...ours, PATH: join(folder, 'bin'), KNOT_TEST_CACHE: join(folder, 'cache'), ...environment } },
      (error, stdout, stderr) =>
        resolve({ ...(error ? {} : { found: JSON.parse(stdout) }), error: error ? stderr : '', said: stderr }),
    );
  });
}

function installGo(folder: string, { fails = false } = {}): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const script = `#!${process.execPath}
    const { appendFileSync, writeFileSync } = process.getBuiltinModule('node:fs');
    const [act, ...args] = process.argv.slice(2);
    if (act === 'version') process.exit(0);
    appendFileSync(${JSON.stringify(join(folder, 'asked'))}, JSON.stringify({ args, cwd: process.cwd(), env: process.env }) + '\\n');
    if (${fails} && args.at(-1).includes('kwok')) process.exit(1);
    writeFileSync(args[args.indexOf('-o') + 1], '', { mode: 0o755 });`;
  writeFileSync(join(folder, 'bin', 'go'), script, { mode: 0o755 });
}

const asked = (folder: string) =>
  existsSync(join(folder, 'asked'))
    ? readFileSync(join(folder, 'asked'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];

t.test('without Go and without an installed set there is a reason to skip, and a failure in CI', async (t) => {
  const folder = t.testdir({});
  const { found } = await programs(folder);
  t.match(found, { skip: /^Go is not installed/ });
  const inCi = await programs(folder, { CI: 'true' });
  t.match(inCi.error, 'Go is not installed');
});

t.test('they are built once, with the version stamped in, and by nobody again', async (t) => {
  const folder = t.testdir({});
  installGo(folder);
  const { found, said } = await programs(folder);
  t.match(said, /^Building the programs of the test cluster/);
  t.match(found, { etcd: [/cluster-[0-9a-f]{12}\/one$/, 'etcd'], helm: [/cluster-[0-9a-f]{12}\/helm$/] });
  const builds = asked(folder);
  t.same(
    builds.map(({ args }) => args.at(-1)),
    ['.', 'sigs.k8s.io/kwok/cmd/kwok', 'helm.sh/helm/v4/cmd/helm'],
  );
  for (const { args, cwd, env } of builds) {
    t.match(env, { CGO_ENABLED: '0', GOFLAGS: /-trimpath/ });
    t.equal(cwd, join(import.meta.dirname, 'module'));
    t.match(args.join(' '), /-X k8s.io\/component-base\/version.gitVersion=v1\.\d+\.\d+ /);
  }
  const again = await programs(folder);
  t.same(again.found, found);
  t.equal(again.said, '');
  t.equal(asked(folder).length, 3);
  t.equal(readdirSync(join(folder, 'cache')).length, 1, 'nothing unfinished is left');
});

t.test('of three that come at once one builds, and the others wait for it', async (t) => {
  const folder = t.testdir({});
  installGo(folder);
  const [one, ...others] = await Promise.all([programs(folder), programs(folder), programs(folder)]);
  t.ok(one.found);
  for (const { found } of others) t.same(found, one.found);
  t.equal(asked(folder).length, 3, 'each program once');
  t.equal(readdirSync(join(folder, 'cache')).length, 1);
});

t.test('a build that fails leaves nothing that looks complete', async (t) => {
  const folder = t.testdir({});
  installGo(folder, { fails: true });
  t.match((await programs(folder)).error, /go build sigs\.k8s\.io\/kwok\/cmd\/kwok failed/);
  t.same(readdirSync(join(folder, 'cache')), []);
  installGo(folder);
  t.ok((await programs(folder)).found);
});

t.test('folders that nobody has used for a week go with the next build, others stay', async (t) => {
  const folder = t.testdir({
    cache: { 'cluster-000000000000': {}, 'cluster-111111111111': {}, 'cluster-images': {}, 'postgres-1': {} },
  });
  installGo(folder);
  const long = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  for (const name of ['cluster-000000000000', 'cluster-images', 'postgres-1'])
    utimesSync(join(folder, 'cache', name), long, long);
  await programs(folder);
  const left = readdirSync(join(folder, 'cache'));
  t.notOk(left.includes('cluster-000000000000'));
  for (const name of ['cluster-111111111111', 'cluster-images', 'postgres-1']) t.ok(left.includes(name), name);
});

t.test('an installed set is used, a single program before its folder, and what it lacks is built', async (t) => {
  const folder = t.testdir({ assets: {} });
  const assets = join(folder, 'assets');
  const install = (...names: string[]) => {
    for (const name of names) writeFileSync(join(assets, name), '', { mode: 0o755 });
  };
  install('etcd', 'kube-apiserver', 'kubectl', 'other-etcd');
  const environment = { KUBEBUILDER_ASSETS: assets, TEST_ASSET_ETCD: join(assets, 'other-etcd') };
  t.match((await programs(folder, environment)).found, {
    skip: /KUBEBUILDER_ASSETS has no kube-controller-manager, kube-scheduler/,
  });
  installGo(folder);
  t.match((await programs(folder, environment)).found, {
    etcd: [join(assets, 'other-etcd')],
    kubectl: [join(assets, 'kubectl')],
    'kube-scheduler': [/\/one$/, 'kube-scheduler'],
  });
  const before = asked(folder).length;
  install('kube-controller-manager', 'kube-scheduler', 'kwok', 'helm');
  const all = await programs(folder, { ...environment, KNOT_TEST_CACHE: join(folder, 'another') });
  t.match(all.found, { helm: [join(assets, 'helm')] });
  t.equal(asked(folder).length, before, 'where the set has everything nothing is built');
});
