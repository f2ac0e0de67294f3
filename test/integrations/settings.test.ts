import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { publicAddress } from '../../gateway/config/address.ts';
import { hubWords } from '../../gateway/integrations/jupyterhub/install.ts';
import { hubConfig } from '../../gateway/integrations/jupyterhub/hub-config.ts';
import { planLaunch } from '../../gateway/integrations/jupyterhub/launch.ts';
import { describePipProblem, lastMeaningfulLine } from '../../gateway/process/index.ts';
import { createTestHub, temporaryFolder } from './hub-fixture.ts';

const fixtures = join(import.meta.dirname, 'fixtures');

/** Compares with a file; `UPDATE_GOLDEN=1` writes it. */
function golden(t: Tap, name: string, text: string): void {
  const file = join(fixtures, name);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  t.equal(text, readFileSync(file, 'utf8'), name);
}
type Tap = Pick<typeof t, 'equal'>;

const facts = {
  folder: '/data/jupyterhub',
  python: '/data/jupyterhub/venv/bin/python',
  ports: { public: 20001, hub: 20002, api: 20003 },
  publicAddress: publicAddress({ domain: 'knot.example.org' }, 443),
  listenAddress: { host: '0.0.0.0', port: 8443 },
  caFile: '/data/tls/ca.pem',
  clientSecretFile: '/data/jupyterhub/hub/client-secret',
  stopTokenFile: '/data/jupyterhub/stop-token',
  isRoot: true,
  isolation: {
    sandbox: { isAvailable: true, command: '/usr/bin/bwrap', confinement: 'account' },
    startsFor: 'everyone',
  },
} as const;

const launchFacts = {
  accounts: { first: 40_000, count: 20_000 },
  folder: '/data/jupyterhub',
  dataFolder: '/data',
  venvFolder: '/data/jupyterhub/venv',
  basePrefix: '/usr',
  python: facts.python,
  asksForFiles: false,
  hubPort: 20_002,
  hasWayOut: true,
};
const noSandbox = { isAvailable: false, isInstalled: false, reason: 'bubblewrap (bwrap) is not installed' } as const;

t.test('the generated configuration is what was reviewed, and is Python', (t) => {
  const text = hubConfig(facts);
  golden(t, 'jupyterhub_config.py', text);
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: text });
  t.notMatch(hubConfig({ ...facts, isRoot: false }), '--allow-root');
  t.notMatch(hubConfig({ ...facts, caFile: undefined }), 'ca_certs');
  const odd = hubConfig({ ...facts, folder: '/data/it\'s "odd"\\n\nimport os' });
  t.doesNotThrow(() => execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: odd }));
  t.notMatch(odd, /^import os\/hub/m, 'a folder name cannot become code');
  t.end();
});

t.test('the launch plan shows a person their own and nothing else of the data folder', (t) => {
  const plan = planLaunch({ ...launchFacts, sandbox: facts.isolation.sandbox });
  golden(t, 'plan.json', `${JSON.stringify(plan, undefined, 2)}\n`);
  t.ok(
    plan.sandbox.indexOf('/data') < plan.sandbox.indexOf('/data/jupyterhub/venv'),
    'hidden first, then the exceptions',
  );
  const bare = planLaunch({ ...launchFacts, sandbox: noSandbox });
  t.strictSame(bare.sandbox, []);
  t.equal(bare.environment['KNOT_PRIVATE_DIR'], '/data/files/users/%KNOT_USER%');
  t.equal(bare.ways, null, 'and it shares the network of the machine');
  t.notMatch(Object.keys(bare.environment).join(), 'proxy');
  const closed = planLaunch({ ...launchFacts, hasWayOut: false, sandbox: facts.isolation.sandbox });
  t.notMatch(JSON.stringify([closed.ways, closed.environment]), /out\.sock|proxy/i);
  t.equal(bare.accounts, null, 'without a sandbox a folder of another account could not be reached');
  const shared = planLaunch({ ...launchFacts, sandbox: { ...facts.isolation.sandbox, confinement: 'namespace' } });
  t.equal(shared.accounts, null);
  const asking = planLaunch({ ...launchFacts, asksForFiles: true, sandbox: facts.isolation.sandbox });
  t.equal(asking.areas, '/data/jupyterhub/launch/areas.sock');
  t.notMatch(asking.sandbox.join(' '), /files\/users/);
  t.match(asking.sandbox.join(' '), '--bind %KNOT_PRIVATE% /files/private');
  t.end();
});

t.test(
  'without a sandbox the configuration starts servers of admins only, until the operator trusts everybody',
  (t) => {
    const refusing = hubConfig({ ...facts, isolation: { sandbox: noSandbox, startsFor: 'admins' } });
    execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: refusing });
    t.match(refusing, 'if not self.user.admin');
    t.match(refusing, 'bubblewrap (bwrap) is not installed');
    const trusting = hubConfig({ ...facts, isolation: { sandbox: noSandbox, startsFor: 'everyone' } });
    t.notMatch(trusting, 'self.user.admin');
    t.end();
  },
);

t.test('the launcher refuses a name that is not a username', (t) => {
  const launcher = join(import.meta.dirname, '../../gateway/integrations/jupyterhub/launch/spawn.py');
  const folder = temporaryFolder();
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'spawn.py'), readFileSync(launcher));
  for (const name of ['accounts.py', 'ways.py']) copyFileSync(join(dirname(launcher), name), join(folder, name));
  const plan = {
    placeholder: '%U%',
    folders: [],
    shared: [],
    accounts: null,
    sandbox: [],
    program: ['/bin/echo', 'home of', '%U%'],
    environment: {},
  };
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  const run = (name: string) =>
    execFileSync('python3', [join(folder, 'spawn.py')], {
      env: { JUPYTERHUB_USER: name, PATH: process.env['PATH'] },
      stdio: 'pipe',
    });
  t.match(run('ann').toString(), 'home of');
  for (const name of ['', '..', '../ann', 'ann/../bob', 'Ann', 'ann\n', '-ann', 'a'.repeat(31)]) {
    t.throws(() => run(name), /not a Knot username/, JSON.stringify(name));
  }
  t.end();
});

t.test('an external hub gets everything to paste, and its route', async (t) => {
  const folder = temporaryFolder();
  const { hub, close } = await createTestHub({
    folder,
    caFile: '/data/ca.pem',
    config: { mode: 'external', upstream: 'https://hub.example.org', title: 'Laboratory' },
  });
  t.teardown(() => close());
  const settings = hub.settings();
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: settings });
  for (const text of [
    hub.client!.secret,
    hub.client!.redirectUris[0]!,
    'https://localhost:18443/oidc/token',
    '/data/ca.pem',
  ]) {
    t.match(settings, text);
  }
  t.match(hub, { title: 'Laboratory', url: 'https://jupyterhub.localhost:18443' });
  t.match(hub.route, {
    host: 'jupyterhub.localhost',
    upstream: { protocol: 'https:', hostname: 'hub.example.org', port: 443, allowLoopback: true },
    untouchedPrefixes: [],
    switches: { encodedSlash: true },
  });
  t.strictSame(hub.client!.redirectUris, ['https://jupyterhub.localhost:18443/hub/oauth_callback']);
  t.match(hub.tile(), { status: 'unknown' });
  for (const [upstream, hostname, port] of [
    ['http://127.0.0.1:8000', '127.0.0.1', 8000],
    ['http://[::1]:8000/', '::1', 8000],
    ['http://hub', 'hub', 80],
  ] as const) {
    const other = await createTestHub({ folder, config: { mode: 'external', upstream } });
    t.match(other.hub.route.upstream, { protocol: 'http:', hostname, port });
    t.equal(other.hub.client!.secret, hub.client!.secret, 'the secret is made once');
  }
  t.equal(statSync(join(folder, 'jupyterhub/client-secret')).mode & 0o777, 0o600);
  await t.rejects(createTestHub({ folder, config: { mode: 'external' } }), {
    code: 'KNOT_INTEGRATIONS_UPSTREAM_MISSING',
  });
  writeFileSync(join(folder, 'jupyterhub/client-secret'), '');
  await t.rejects(createTestHub({ folder, config: { mode: 'managed' } }), {
    code: 'KNOT_INTEGRATIONS_SECRET_UNUSABLE',
  });
});

t.test('paths of one person are named so that the policy can tell them apart', async (t) => {
  const folder = temporaryFolder();
  const { hub, close } = await createTestHub({ folder });
  t.teardown(() => close());
  const isOwned = (path: string) => hub.route.ownedPrefixes.some((prefix) => path.startsWith(prefix));
  for (const path of [
    '/user/ann/lab',
    '/hub/user/ann/',
    '/hub/spawn/ann',
    '/hub/spawn-pending/ann',
    '/hub/api/users/ann/server',
  ]) {
    t.ok(isOwned(path), path);
  }
  for (const path of [
    '/hub/user-redirect/lab/tree/x.ipynb',
    '/hub/spawn',
    '/hub/home',
    '/hub/oauth_callback',
    '/hub/api/user',
    '/',
  ]) {
    t.notOk(isOwned(path), path);
  }
});

t.test('the cause of a failed installation is found in what pip prints', (t) => {
  const cases: [kind: string, output: string[]][] = [
    [
      'index',
      [
        `WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused')': /simple/alembic/`,
        'ERROR: Could not find a version that satisfies the requirement alembic==1.20.1 (from versions: none)',
        'ERROR: No matching distribution found for alembic==1.20.1',
      ],
    ],
    [
      'index',
      [
        "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='pypi.org', port=443): Read timed out.",
      ],
    ],
    [
      'index-certificate',
      [
        'Could not fetch URL https://pypi.org/simple/: SSLError(SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED"))',
      ],
    ],
    ['disk-full', ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device: '/x'"]],
    ['permission', ["ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'"]],
    [
      'package',
      [
        'ERROR: Could not find a version that satisfies the requirement x==2 (from versions: 1.0)',
        'ERROR: No matching distribution found for x==2',
      ],
    ],
    ['venv-missing', ['The virtual environment was not created successfully because ensurepip is not available.']],
    [
      'changed',
      [
        'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
        '    tiny==1.0 from https://x/tiny.whl:',
      ],
    ],
    ['conflict', ['ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.']],
    ['other', ['something else']],
    ['other', []],
  ];
  for (const [kind, output] of cases)
    t.equal(describePipProblem(output, 'was ended', hubWords).kind, kind, String(output.at(-1)));
  t.equal(
    lastMeaningfulLine(['ERROR: see https://me:secret@index.example/simple/x', 'hint: y']),
    'see https://index.example',
  );
  t.equal(lastMeaningfulLine([]), undefined);
  t.end();
});
