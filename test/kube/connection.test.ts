import { once } from 'node:events';
import { chmodSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { kinds, type KubeObject, openKube } from '../../gateway/kube/index.ts';
import { createManualClock, KnotError, publicError, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { startFakeApiServer } from '../support/kube/fake.ts';
import { kubeconfigOf, openFake, quick } from '../support/kube/open.ts';
import { selfSignedPair } from '../support/net/self-signed.ts';

const log = (lines: { fields: object; message: string }[]) => ({
  ...silentLog,
  warn: (fields: object, message: string) => void lines.push({ fields, message }),
});
const map = (name: string): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'ann' } },
});

/** A fake, and a kubeconfig in a folder where a test puts files beside it. */
async function besideFiles(t: Test, files: Record<string, string>, how: { user?: object; cluster?: object }) {
  const fake = await startFakeApiServer();
  const folder = t.testdir(files);
  const kubeconfig = kubeconfigOf(folder, fake, how);
  const clock = createManualClock();
  const lines: { fields: object; message: string }[] = [];
  const kube = await openKube({ kubeconfig }, { clock, log: log(lines), pace: quick });
  t.teardown(async () => {
    await kube.close();
    await fake.close();
  });
  const ask = () => kube.list(kinds.configMap);
  const tokens = () => fake.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
  return { fake, kube, folder, kubeconfig, clock, lines, ask, tokens };
}

t.test('a token that was replaced is read again at once when it is refused, and within a minute else', async (t) => {
  const { fake, folder, clock, ask, tokens, lines } = await besideFiles(
    t,
    { token: 'admin\n' },
    { user: { tokenFile: 'token' } },
  );
  await ask();
  writeFileSync(join(folder, 'token'), 'second');
  fake.tokens.add('second').delete('admin');
  await ask();
  t.strictSame(tokens(), ['admin', 'admin', 'second'], 'refused once');
  writeFileSync(join(folder, 'token'), 'third');
  fake.tokens.add('third');
  clock.advance(59_000);
  await ask();
  clock.advance(1000);
  await ask();
  t.strictSame(tokens().slice(3), ['second', 'third'], 'before the old one is over');
  writeFileSync(join(folder, 'token'), 'unknown');
  clock.advance(60_000);
  for (let count = 0; count < 5; count++) await t.rejects(ask(), { code: 'KNOT_KUBE_UNAUTHENTICATED' });
  t.strictSame(new Set(tokens().slice(5)), new Set(['unknown']));
  t.ok(tokens().length <= 5 + 6, 'who is not known does not ask twice each time');
  t.strictSame(lines, []);
});

t.test('while a token is being replaced and its file is away, the last one is used', async (t) => {
  const { folder, clock, ask, tokens, lines } = await besideFiles(
    t,
    { token: 'admin' },
    { user: { tokenFile: 'token' } },
  );
  await ask();
  unlinkSync(join(folder, 'token'));
  clock.advance(60_000);
  await ask();
  t.strictSame(tokens(), ['admin', 'admin']);
  t.match(lines, [{ message: /could not be read again/ }]);
});

t.test('the service account of a pod', async (t) => {
  const fake = await startFakeApiServer();
  t.teardown(() => fake.close());
  const serviceAccount = t.testdir({ token: 'admin', 'ca.crt': fake.ca });
  const clock = createManualClock();
  const environment = { KUBERNETES_SERVICE_HOST: 'localhost', KUBERNETES_SERVICE_PORT: new URL(fake.url).port };
  await t.rejects(openKube({ serviceAccount }, { clock }), { code: 'KNOT_KUBE_CONFIG', message: /in no pod/ });
  Object.assign(process.env, environment);
  t.teardown(() => Object.keys(environment).forEach((name) => Reflect.deleteProperty(process.env, name)));
  const kube = await openKube({ serviceAccount }, { clock });
  t.teardown(() => kube.close());
  await kube.list(kinds.pod);
  const ca = fake.renewCertificate();
  fake.cut();
  await t.rejects(kube.list(kinds.pod), { code: 'KNOT_KUBE_UNREACHABLE' }, 'an authority that nobody told Knot of');
  writeFileSync(join(serviceAccount, 'ca.crt'), ca);
  clock.advance(60_000);
  await kube.list(kinds.pod);
  t.pass('the new authority is believed without a restart');
});

t.test('a kubeconfig that was changed is followed', async (t) => {
  const { fake, folder, clock, ask, tokens } = await besideFiles(t, {}, { user: { token: 'admin' } });
  await ask();
  fake.tokens.add('other').delete('admin');
  kubeconfigOf(folder, { ...fake, ca: fake.renewCertificate() }, { user: { token: 'other' } });
  fake.cut();
  clock.advance(60_000);
  await ask();
  t.strictSame(tokens(), ['admin', 'other']);
});

t.test('a client certificate, from files or from what a plugin says', async (t) => {
  const { cert, key } = selfSignedPair();
  const files = await besideFiles(
    t,
    { 'me.crt': cert, 'me.key': key },
    { user: { 'client-certificate': 'me.crt', 'client-key': 'me.key' } },
  );
  await files.ask();
  t.match(files.fake.requests, [{ certificate: 'localhost', headers: { authorization: undefined } }]);
  const status = { clientCertificateData: cert, clientKeyData: key };
  const plugin = await withPlugin(t, { status });
  await plugin.ask();
  t.match(plugin.fake.requests, [{ certificate: 'localhost', headers: { authorization: undefined } }]);
});

const apiVersion = 'client.authentication.k8s.io/v1';
const exec = (more: object = {}) => ({ apiVersion, command: './plugin.mjs', interactiveMode: 'Never', ...more });
/** A plugin that counts its runs and notes what it was given. */
const pluginOf = (says: { status?: object; apiVersion?: string } | string) => `#!${process.execPath}
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
const { KUBERNETES_EXEC_INFO, OF_PLUGIN, KNOT_SECRET } = process.env;
const run = { info: JSON.parse(KUBERNETES_EXEC_INFO), argv: process.argv.slice(2), OF_PLUGIN, KNOT_SECRET };
appendFileSync(join(import.meta.dirname, 'runs'), JSON.stringify(run) + '\\n');
process.stdout.write(${JSON.stringify(typeof says === 'string' ? says : JSON.stringify({ apiVersion, kind: 'ExecCredential', ...says }))});
`;

async function withPlugin(t: Test, says: Parameters<typeof pluginOf>[0], more: object = {}, cluster: object = {}) {
  const found = await besideFiles(
    t,
    { 'plugin.mjs': pluginOf(says), runs: '' },
    { user: { exec: exec(more) }, cluster },
  );
  chmodSync(join(found.folder, 'plugin.mjs'), 0o755);
  const runs = () =>
    readFileSync(join(found.folder, 'runs'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { info: object; argv: string[]; OF_PLUGIN?: string; KNOT_SECRET?: string });
  return { ...found, runs, rewrite: (text: string) => writeFileSync(join(found.folder, 'plugin.mjs'), text) };
}

t.test(
  'a plugin says who Knot is: without a shell, told of the cluster, and asked again only when needed',
  async (t) => {
    process.env['KNOT_SECRET'] = 'of Knot';
    t.teardown(() => Reflect.deleteProperty(process.env, 'KNOT_SECRET'));
    const expirationTimestamp = new Date(createManualClock().now() + 600_000).toISOString();
    const { fake, ask, runs, clock, tokens, rewrite } = await withPlugin(
      t,
      { status: { token: 'admin', expirationTimestamp } },
      { args: ['$(id); `id`', '--x'], env: [{ name: 'OF_PLUGIN', value: 'yes' }], provideClusterInfo: true },
      { 'tls-server-name': 'localhost' },
    );
    await Promise.all([ask(), ask(), ask()]);
    t.match(runs(), [
      {
        argv: ['$(id); `id`', '--x'],
        OF_PLUGIN: 'yes',
        KNOT_SECRET: undefined,
        info: {
          ...{ apiVersion, kind: 'ExecCredential' },
          spec: { interactive: false, cluster: { server: fake.url, 'tls-server-name': 'localhost' } },
        },
      },
    ]);
    t.equal(runs().length, 1, 'once for all that ask at the same time');
    clock.advance(500_000);
    await ask();
    t.equal(runs().length, 1, 'while what it said is good');
    clock.advance(75_000);
    await ask();
    t.equal(runs().length, 2, 'again before that is over');
    fake.tokens.add('next').delete('admin');
    rewrite(pluginOf({ status: { token: 'next' } }));
    await ask();
    t.equal(tokens().at(-1), 'next', 'and when it is refused');
    t.equal(runs().length, 3);
    fake.tokens.delete('next');
    for (let count = 0; count < 10; count++) await t.rejects(ask(), { code: 'KNOT_KUBE_UNAUTHENTICATED' });
    t.ok(runs().length <= 4, 'yet not for each refusal');
  },
);

t.test('a plugin that fails is told, and nothing of what it said', async (t) => {
  for (const [what, says] of Object.entries({
    'no JSON': 'secret!',
    'another version': { apiVersion: 'v1', status: { token: 'secret!' } },
    'no status': {},
    'a key without its certificate': { status: { clientKeyData: 'secret!' } },
  })) {
    const { ask } = await withPlugin(t, says);
    const error = await ask().catch((error: unknown) => error as KnotError);
    t.match(error, { code: 'KNOT_KUBE_UNAUTHENTICATED' }, what);
    t.notMatch(String((error as KnotError).cause), /secret/, what);
  }
  const { ask, rewrite } = await withPlugin(t, {});
  rewrite('process.exit(3)');
  await t.rejects(ask(), { code: 'KNOT_KUBE_UNAUTHENTICATED' });
});

t.test('a kubeconfig from before there were plugins', async (t) => {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const token = `${part({ alg: 'none' })}.${part({ exp: 4_000_000_000 })}.x`;
  const config = { 'id-token': token, 'idp-issuer-url': 'https://issuer.test', 'client-id': 'x', 'refresh-token': 'y' };
  const { fake, ask, tokens } = await besideFiles(t, {}, { user: { 'auth-provider': { name: 'oidc', config } } });
  fake.tokens.add(token);
  await ask();
  t.strictSame(tokens(), [token]);
});

t.test('a kubeconfig that cannot be used is refused with its reason', async (t) => {
  const fake = { url: 'https://localhost:1', ca: '' };
  const folder = t.testdir({ 'no.yaml': 'a: [', 'empty.yaml': '' });
  const open = (kubeconfig: string, context?: string) => openKube({ kubeconfig, context }, { clock: systemClock });
  const refused = (file: string, message: RegExp, context?: string) =>
    t.rejects(open(file, context), { code: 'KNOT_KUBE_CONFIG', message }, String(message));
  await refused(join(folder, 'none'), /ENOENT/);
  await refused(join(folder, 'no.yaml'), /is no YAML/);
  await refused(join(folder, 'empty.yaml'), /is no kubeconfig/);
  await refused(kubeconfigOf(folder, fake), /no context "prod"/, 'prod');
  await refused(kubeconfigOf(folder, fake, { cluster: { server: 'http://localhost:1' } }), /https/);
  await refused(kubeconfigOf(folder, fake, { cluster: { 'proxy-url': 'socks5://localhost:1' } }), /proxy-url/);
  await refused(kubeconfigOf(folder, fake, { user: { 'client-certificate': 'a', 'client-key': 'b' } }), /ENOENT/);
  await refused(kubeconfigOf(folder, fake, { user: { exec: exec({ interactiveMode: 'Always' }) } }), /talk/);
});

t.test(
  'whoever is not who the kubeconfig says is not spoken to, unless it wants no proof: that is warned of',
  async (t) => {
    const fake = await startFakeApiServer();
    t.teardown(() => fake.close());
    const foreign = { url: fake.url, ca: selfSignedPair().cert };
    const folder = t.testdir({});
    const lines: { fields: object; message: string }[] = [];
    const open = (cluster: object = {}) =>
      openKube({ kubeconfig: kubeconfigOf(folder, foreign, { cluster }) }, { clock: systemClock, log: log(lines) });
    const kube = await open();
    await t.rejects(kube.list(kinds.pod), { code: 'KNOT_KUBE_UNREACHABLE' });
    await kube.close();
    t.strictSame([fake.requests.length, lines.length], [0, 0], 'not a byte of the token');
    const blind = await open({ 'insecure-skip-tls-verify': true, 'certificate-authority-data': undefined });
    t.match(lines, [{ message: /insecure-skip-tls-verify/ }]);
    await blind.list(kinds.pod);
    await blind.close();
    const named = await open({ 'certificate-authority-data': Buffer.from(fake.ca).toString('base64') });
    await named.list(kinds.pod);
    await named.close();
    const other = { 'certificate-authority-data': Buffer.from(fake.ca).toString('base64'), 'tls-server-name': 'other' };
    const wrong = await open(other);
    await t.rejects(wrong.list(kinds.pod), { code: 'KNOT_KUBE_UNREACHABLE' }, 'it must show the name that is expected');
    await wrong.close();
  },
);

t.test('what leaves the process about a fault holds no address', async (t) => {
  const { fake, kube } = await openFake(t);
  const told = async (act: Promise<unknown>) => {
    const error = await act.then(
      () => undefined,
      (error: unknown) => error,
    );
    t.type(error, KnotError);
    const text = JSON.stringify(publicError(error, 'id'));
    t.notMatch(text, /localhost|127\.0|:\d{4,5}|\badmin\b|scripted|configmaps/, text);
  };
  for (const status of [400, 401, 403, 404, 409, 410, 422, 429, 500, 503]) {
    fake.fail({ status }, undefined, 4);
    await told(kube.list(kinds.configMap));
    fake.recover();
  }
  await fake.close();
  await told(kube.list(kinds.configMap));
  await told(openKube({ kubeconfig: '/localhost/127.0.0.1:6443' }, { clock: systemClock }));
});

t.test('a proxy is gone through, with its password, by requests', async (t) => {
  const seen: string[] = [];
  let answer = 'HTTP/1.1 200 OK\r\n\r\n';
  const proxy = createServer((client: Socket) => {
    client.on('error', () => undefined);
    client.once('data', (head: Buffer) => {
      seen.push(head.toString());
      const [, host, port] = /^CONNECT ([^:]+):(\d+)/.exec(head.toString())!;
      const upstream = connect(Number(port), host, () => {
        client.write(answer);
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => undefined);
    });
  }).listen(0, 'localhost');
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  const url = `http://ann:p%40ss@localhost:${(proxy.address() as AddressInfo).port}`;
  const { fake, kube } = await openFake(t, { cluster: { 'proxy-url': url } });
  await kube.list(kinds.pod);
  t.equal(fake.requests.length, 1);
  t.match(seen, [
    /^CONNECT localhost:\d+ HTTP\/1\.1\r\nHost: localhost:\d+\r\nProxy-Authorization: Basic YW5uOnBAc3M=\r\n\r\n$/,
  ]);
  answer = 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n';
  fake.cut();
  await t.rejects(kube.list(kinds.pod), { code: 'KNOT_KUBE_UNREACHABLE', cause: /407/ });
});

t.test('a second try is made where it helps and does no harm', async (t) => {
  const { fake, kube } = await openFake(t);
  const count = async (act: () => Promise<unknown>, fault: Parameters<typeof fake.fail>[0], times = 1) => {
    fake.requests.length = 0;
    fake.fail(fault, undefined, times);
    const error = await act().then(
      () => undefined,
      (error: unknown) => (error as KnotError).code,
    );
    fake.recover();
    return [fake.requests.length, error];
  };
  const list = () => kube.list(kinds.configMap);
  for (const status of [429, 500, 503, 504]) t.strictSame(await count(list, { status }), [2, undefined], `${status}`);
  t.strictSame(await count(list, 'reset'), [2, undefined]);
  t.strictSame(await count(list, { status: 503 }, 100), [4, 'KNOT_KUBE_FAILED'], 'not for ever');
  t.strictSame(await count(list, { status: 429, retryAfterS: 60 }), [1, 'KNOT_KUBE_FAILED'], 'not for a minute');
  t.strictSame(await count(list, { status: 403 }), [1, 'KNOT_KUBE_FORBIDDEN']);
  let made = 0;
  const create = () => kube.create(map(`m${++made}`));
  t.strictSame(await count(create, { status: 429 }), [2, undefined], 'what was not begun can be begun again');
  t.strictSame(
    await count(create, { status: 500 }),
    [1, 'KNOT_KUBE_FAILED'],
    'what may have been done is not done twice',
  );
  t.strictSame(await count(create, 'reset'), [1, 'KNOT_KUBE_UNREACHABLE']);
  const apply = () => kube.apply(map('m1'));
  t.strictSame(await count(apply, 'reset'), [2, undefined], 'what is the same twice as once is');
  const merge = (resourceVersion?: string) => () =>
    kube.merge(kinds.configMap, 'm1', 'ann', { metadata: { resourceVersion } });
  t.strictSame(await count(merge(), { status: 500 }), [2, undefined]);
  t.strictSame(await count(merge('1'), { status: 500 }), [1, 'KNOT_KUBE_FAILED']);
  const began = performance.now();
  t.strictSame(await count(list, { status: 429, retryAfterS: 1 }), [2, undefined]);
  t.ok(performance.now() - began >= 990, 'not before the API server wants it');
});

t.test('what does not answer is not waited for, longer than wanted', async (t) => {
  const { fake, kube } = await openFake(t);
  fake.fail('hang', undefined, 100);
  const asked = { method: 'GET', path: '/api/v1/pods' } as const;
  await t.rejects(kube.ask({ ...asked, timeoutMs: 50 }), { code: 'KNOT_KUBE_UNREACHABLE' });
  const controller = new AbortController();
  const waiting = kube.ask({ ...asked, signal: controller.signal });
  controller.abort();
  await t.rejects(waiting, { name: 'AbortError' });
});

t.test('whoever is named takes the place of whom the kubeconfig names', async (t) => {
  const { fake, kube } = await openFake(t, { user: { token: 'admin', as: 'ops', 'as-groups': ['a', 'b'] } });
  await kube.list(kinds.pod);
  await kube.as({ user: 'ann' }).list(kinds.pod);
  t.match(
    fake.requests.map(({ headers }) => [headers['impersonate-user'], headers['impersonate-group']]),
    [
      ['ops', 'a, b'],
      ['ann', undefined],
    ],
  );
});

t.test('one object of a kind that is in namespaces is asked for in one', async (t) => {
  const { kube, fake } = await openFake(t);
  const bare = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } };
  const acts: (() => Promise<unknown>)[] = [
    () => kube.get(kinds.configMap, 'x'),
    () => kube.remove(kinds.configMap, 'x', ''),
    () => kube.merge(kinds.configMap, 'x', undefined, {}),
    () => kube.apply(bare),
    () => kube.create(bare),
  ];
  for (const act of acts) await t.rejects(act(), /in a namespace, and none is named/);
  t.equal(fake.requests.length, 0);
});
