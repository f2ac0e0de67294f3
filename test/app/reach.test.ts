import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { notebooksReach, reachHealth } from '../../gateway/app/reach.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { startGateway } from '../support/process/gateway.ts';

/** A tool whose servers have no sandbox. */
const sharing = [{ sharesNetwork: () => true }];

function configured(t: { teardown(work: () => unknown): unknown }, yaml: string) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-reach-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'knot.yaml');
  writeFileSync(file, yaml);
  return loadConfig({ config: file }).config;
}

t.test('what notebooks reach past the gateway is named, whatever the address looks like', async (t) => {
  for (const [upstream, isReached] of [
    ['http://127.0.0.1:9000', true],
    ['http://127.8.9.1:9000', true],
    ['http://localhost:9000', true],
    ['http://[::1]:9000', true],
    ['http://[::ffff:127.0.0.1]:9000', true],
    ['http://0.0.0.0:9000', true],
    ['http://10.255.255.254:9000', false],
    ['https://app.example.org', false],
  ] as const) {
    const config = configured(t, `apps: [{name: echo, upstream: "${upstream}"}]\n`);
    const names = notebooksReach(config)!.map(({ title }) => title);
    t.equal(names.includes('the application echo'), isReached, upstream);
    t.ok(names.includes('the operations listener'), 'the listener of Knot is always there');
    t.match(reachHealth(notebooksReach(config), sharing), [{ status: isReached ? 'warning' : 'ok' }], upstream);
  }
});

t.test('a database, a mail server and trust in loopback are named too', async (t) => {
  const config = configured(
    t,
    `database: postgres://knot@127.0.0.1/knot
mail: {server: "smtp://localhost:25", from: knot@example.org}
tracing: {endpoint: "http://127.0.0.1:4318"}
trustedProxies: ["127.0.0.0/8"]
`,
  );
  const reach = notebooksReach(config)!;
  t.strictSame(
    reach.map(({ title }) => title),
    [
      'the database',
      'the mail server',
      'the trace collector',
      'the trust in forwarded addresses',
      'the operations listener',
    ],
  );
  const [health] = reachHealth(reach, sharing);
  t.match(health, { name: 'notebook-network', status: 'warning', message: /the database/, remedy: /./ });
  t.notMatch(health!.message, /\d+\.\d+\.\d+\.\d+|:\d+/, 'no address: notebooks can read it');
});

t.test('nothing is said where no notebooks run', async (t) => {
  const config = configured(
    t,
    'integrations: {jupyterhub: {mode: off}}\napps: [{name: echo, upstream: "http://127.0.0.1:9000"}]\n',
  );
  t.equal(notebooksReach(config), undefined);
  t.strictSame(reachHealth(undefined, sharing), []);
});

t.test('nor where notebooks have a network of their own, or nobody knows yet', async (t) => {
  const reach = notebooksReach(configured(t, 'apps: [{name: echo, upstream: "http://127.0.0.1:9000"}]\n'));
  for (const tools of [[], [{}], [{ sharesNetwork: () => false }]]) t.strictSame(reachHealth(reach, tools), []);
  t.match(reachHealth(reach, [{}, ...sharing]), [{ message: /the application echo/ }]);
});

t.test('what the gateway makes is for its own account only', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'knot-open-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  chmodSync(data, 0o755);
  const gateway = await startGateway({ data, config: { integrations: { jupyterhub: { mode: 'off' } } } });
  t.teardown(() => gateway.stop());
  t.equal(statSync(data).mode & 0o777, 0o700, 'also the folder somebody else made');
  const open = readdirSync(data, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => (statSync(path).mode & 0o077) !== 0);
  t.strictSame(
    open,
    [join(data, 'tls/ca.pem')].filter((path) => open.includes(path)),
    'only what browsers import',
  );
});
