import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  type ConfigOverrides,
  type ConfigProblem,
  describeConfig,
  exampleConfig,
  loadConfig,
} from '../../gateway/config/index.ts';
import { KnotError } from '../../gateway/lib/index.ts';

type Refusal = { code: string; message: string; problems: ConfigProblem[] };

function refusal(
  yaml: string | undefined,
  t: Test,
  flags: ConfigOverrides = {},
  environment: Record<string, string> = {},
): Refusal {
  const folder = t.testdir(yaml === undefined ? {} : { 'knot.yaml': yaml });
  try {
    loadConfig(flags, environment, folder);
  } catch (error) {
    if (!(error instanceof KnotError)) throw error;
    return {
      code: error.code,
      message: error.message,
      problems: (error.details?.['problems'] ?? []) as ConfigProblem[],
    };
  }
  throw new Error('the configuration was accepted');
}

t.test('an empty folder gives the defaults', async (t) => {
  const folder = t.testdir({});
  const { config, file } = loadConfig({}, {}, folder);
  t.equal(file, undefined);
  t.match(config, {
    domain: 'localhost',
    listen: '127.0.0.1:8443',
    ops: '127.0.0.1:9464',
    data: join(folder, '.knot'),
    policies: join(import.meta.dirname, '../../policies'),
    signUp: 'approval',
    integrations: { jupyterhub: { mode: 'managed' } },
  });
});

t.test('flags beat the environment, which beats the file', async (t) => {
  const folder = t.testdir({ 'knot.yaml': 'domain: file.example\nlisten: 127.0.0.1:1\nops: 127.0.0.1:2\n' });
  const environment = { KNOT_DOMAIN: 'environment.example', KNOT_LISTEN: '127.0.0.1:3' };
  const { config, sources } = loadConfig({ domain: 'flag.example' }, environment, folder);
  t.equal(config.domain, 'flag.example');
  t.equal(config.listen, '127.0.0.1:3');
  t.equal(config.ops, '127.0.0.1:2');
  t.strictSame(sources, { domain: '--domain', listen: 'KNOT_LISTEN' });
});

t.test('paths of the file are relative to the file, paths of flags to the working folder', async (t) => {
  const folder = t.testdir({ etc: { 'knot.yaml': 'data: state\npolicies: rules\n' } });
  const { config } = loadConfig({ config: 'etc/knot.yaml', policies: 'mine' }, {}, folder);
  t.equal(config.data, join(folder, 'etc', 'state'));
  t.equal(config.policies, join(folder, 'mine'));
  t.equal(loadConfig({ config: 'etc/knot.yaml' }, {}, folder).config.policies, join(folder, 'etc', 'rules'));
});

t.test('a file that names neither gets the shipped policies and a data folder where it is started', async (t) => {
  const folder = t.testdir({ etc: { 'knot.yaml': 'domain: knot.example\n' } });
  const { config } = loadConfig({ config: 'etc/knot.yaml' }, {}, folder);
  t.equal(config.data, join(folder, '.knot'));
  t.equal(config.policies, join(import.meta.dirname, '../../policies'));
});

t.test('every problem is reported at once, with place, value and what is allowed', async (t) => {
  const { code, message, problems } = refusal(
    'domain: Bad_Host\nlisen: 127.0.0.1:1\nsignUp: aproval\nlogin:\n  windowSeconds: soon\napps:\n  - name: echo\n',
    t,
    { listen: 'nowhere' },
  );
  t.equal(code, 'KNOT_CONFIG_INVALID');
  t.match(message, /6 problems/);
  const expected: [path: string, text: RegExp, line: number | undefined][] = [
    ['lisen', /did you mean "listen"/, 2],
    ['domain', /it is "Bad_Host"/, 1],
    ['signUp', /"off", "approval", "open", but it is "aproval"; did you mean "approval"/, 3],
    ['login.windowSeconds', /whole number of at least 1, but it is "soon"/, 5],
    ['apps[0].upstream', /is missing/, 7],
    ['listen (from --listen)', /it is "nowhere"/, undefined],
  ];
  for (const [path, text, line] of expected) {
    const problem = problems.find((candidate) => candidate.path === path);
    t.ok(problem, `${path} is reported`);
    t.match(problem?.message, text);
    t.equal(problem?.line, line, `${path} is placed`);
  }
  t.equal(problems.length, expected.length);
});

t.test('settings that contradict one another or point at nothing are refused', async (t) => {
  const cases: [name: string, yaml: string, path: string, text: RegExp][] = [
    ['half a certificate', 'tls: {cert: a.pem}', 'tls', /both cert and key/],
    [
      'idle above absolute',
      'sessions: {idleSeconds: 100, absoluteSeconds: 60}',
      'sessions.idleSeconds',
      /must not exceed/,
    ],
    [
      'external hub without address',
      'integrations: {jupyterhub: {mode: external}}',
      'integrations.jupyterhub.upstream',
      /is needed/,
    ],
    [
      'an Argo without a cluster',
      'integrations: {argo: {upstream: "http://argo:2746"}}',
      'integrations.argo',
      /needs `engine: kubernetes`/,
    ],
    [
      'address of a managed hub',
      'integrations: {jupyterhub: {upstream: "http://a:1"}}',
      'integrations.jupyterhub.upstream',
      /no effect/,
    ],
    [
      'authority of a managed hub',
      'integrations: {jupyterhub: {ca: a.pem}}',
      'integrations.jupyterhub.ca',
      /no effect/,
    ],
    ['amount of a plan', 'plans: [{name: a, storage: 20G}]', 'plans[0].storage', /500 MiB, 20 GiB/],
    ['memory of a plan', 'plans: [{name: a, memory: much}]', 'plans[0].memory', /500 MiB, 20 GiB/],
    ['amount of a size', 'services: {sizes: [{name: a, cpu: 1, memory: 1G}]}', 'services.sizes[0].memory', /500 MiB/],
    [
      'size twice',
      'services: {sizes: [{name: a, cpu: 1, memory: 1 GiB}, {name: a, cpu: 1, memory: 1 GiB}]}',
      'services.sizes[1].name',
      /taken/,
    ],
    ['no size', 'services: {sizes: []}', 'services.sizes', /1/],
    ['memory for services', 'services: {machine: {memory: all}}', 'services.machine.memory', /500 MiB/],
    ['server of a folder', 'kubernetes: {storage: {server: a}}', 'kubernetes.storage.server', /no effect/],
    ['export without a path', 'kubernetes: {storage: {kind: nfs, server: a}}', 'kubernetes.storage.path', /is needed/],
    ['storage without a claim', 'kubernetes: {storage: {kind: claim}}', 'kubernetes.storage.claim', /is needed/],
    ['plans of one name', 'plans: [{name: a}, {name: a}]', 'plans[1].name', /taken by plans\[0\]/],
    [
      'two defaults',
      'plans: [{name: a, defaultFor: [people]}, {name: b, defaultFor: [teams, people]}]',
      'plans[1].defaultFor',
      /people have plans\[0\]/,
    ],
    [
      'resource of no domain',
      'plans: [{name: a, resources: [{name: gpu, count: 1}]}]',
      'plans[0].resources[0].name',
      /"gpu"/,
    ],
    [
      'half a resource',
      'plans: [{name: a, resources: [{name: nvidia.com/gpu, count: 0.5}]}]',
      'plans[0].resources[0].count',
      /whole number/,
    ],
    [
      'resource twice',
      'plans: [{name: a, resources: [{name: a/b, count: 1}, {name: a/b, count: 2}]}]',
      'plans[0].resources[1].name',
      /taken/,
    ],
    ['name of a plan', 'plans: [{name: Big Plan}]', 'plans[0].name', /./],
    ['app on the host of the hub', 'apps: [{name: jupyterhub, upstream: "http://a:1"}]', 'apps[0].name', /taken by/],
    [
      'two apps on one host',
      'apps: [{name: a, upstream: "http://a:1"}, {name: a, upstream: "http://b:1"}]',
      'apps[1].name',
      /taken by/,
    ],
    ['no such network', 'trustedProxies: [10.0.0.0/40]', 'trustedProxies[0]', /CIDR/],
    ['password in the file', 'database: "postgres://knot:secret@db/knot"', 'database', /must not hold a password/],
    ['secret that is not there', 'databasePassword: {fromFile: nowhere}', 'databasePassword', /cannot be read/],
    [
      'confidential client without secret',
      'oidc: {clients: [{clientId: a, redirectUris: ["https://a/cb"]}]}',
      'oidc.clients[0].secret',
      /needed/,
    ],
    [
      'redirect address with fragment',
      'oidc: {clients: [{clientId: a, public: true, redirectUris: ["https://a/#b"]}]}',
      'oidc.clients[0].redirectUris[0]',
      /fragment/,
    ],
    [
      'upstream port that does not exist',
      'apps: [{name: a, upstream: "http://a:99999"}]',
      'apps[0].upstream',
      /no such port/,
    ],
    ['port that does not exist', 'listen: "127.0.0.1:99999"', 'listen', /no such port/],
    ['domain for services that is no name', 'appsDomain: Apps_1', 'appsDomain', /it is "Apps_1"/],
    [
      'domain for services that is domain',
      '{domain: knot.test, appsDomain: knot.test}',
      'appsDomain',
      /beside domain \(knot\.test\).* is domain itself/,
    ],
    [
      'domain for services below domain',
      '{domain: knot.test, appsDomain: apps.knot.test}',
      'appsDomain',
      /is below domain/,
    ],
    [
      'domain for services above domain',
      '{domain: knot.apps.test, appsDomain: apps.test}',
      'appsDomain',
      /is above domain/,
    ],
    ['address for services', 'appsDomain: 10.0.0.1', 'appsDomain', /ends in a number/],
    ['address for services in another notation', 'appsDomain: apps.0x7f', 'appsDomain', /ends in a number/],
    ['domain for services too long for a label below it', `appsDomain: ${'a.'.repeat(95)}a`, 'appsDomain', /189/],
  ];
  for (const [name, yaml, path, text] of cases) {
    const { problems, message } = refusal(yaml, t);
    t.ok(
      problems.some((problem) => problem.path === path && text.test(problem.message)),
      `${name}: ${message}`,
    );
  }
});

t.test('traces: every problem at once, secrets never in the file', async (t) => {
  const shape = refusal(
    'tracing: {endpoint: "http://user:pass@collector:4318", ratio: 1.5, serviceName: "", headers: [{header: "a b", value: plain-secret}]}',
    t,
  );
  t.strictSame(
    shape.problems.map(({ path }) => path),
    [
      'tracing.endpoint',
      'tracing.ratio',
      'tracing.serviceName',
      'tracing.headers[0].header',
      'tracing.headers[0].value',
    ],
  );
  t.match(shape.message, /tracing\.ratio must be a number from 0 to 1, but it is 1\.5/);
  t.match(refusal('tracing: {ratio: 0.5}', t).problems, [{ path: 'tracing.endpoint', message: /is missing/ }]);
  for (const endpoint of ['collector:4318', 'ftp://collector', 'http://collector/?token=a', 'http://collector/#a']) {
    t.match(refusal(`tracing: {endpoint: "${endpoint}"}`, t).problems, [{ path: 'tracing.endpoint' }], endpoint);
  }
  for (const ratio of ['-0.1', '.nan', '.inf', '"1"', 'true']) {
    t.match(
      refusal(`tracing: {endpoint: "http://c", ratio: ${ratio}}`, t).problems,
      [{ path: 'tracing.ratio' }],
      ratio,
    );
  }

  const folder = t.testdir({
    broken: 'two\nlines',
    token: 'Bearer hunter2\n',
    'knot.yaml':
      'tracing: {endpoint: "http://c:99999/v1", headers: [{header: a, value: {fromFile: broken}}, {header: A, value: {fromFile: nowhere}}]}',
  });
  try {
    loadConfig({}, {}, folder);
    t.fail('the configuration was accepted');
  } catch (error) {
    const { message, details } = error as KnotError;
    t.match(details?.['problems'], [
      { path: 'tracing.endpoint', message: /port from 1 to 65535/ },
      { path: 'tracing.headers[1].header', message: /given twice/ },
      { path: 'tracing.headers[0].value', message: /cannot stand in a header/ },
      { path: 'tracing.headers[1].value', message: /cannot be read/ },
    ]);
    t.notMatch(message, /two|lines/);
  }

  const right = t.testdir({
    token: 'Bearer hunter2\n',
    'knot.yaml':
      'tracing: {endpoint: "https://collector.example/v1/traces", ratio: 0.01, headers: [{header: authorization, value: {fromFile: token}}]}',
  });
  const { config } = loadConfig({}, {}, right);
  t.match(config.tracing, { ratio: 0.01, serviceName: 'knot' });
  t.notMatch(describeConfig(config), 'hunter2');
  t.match(describeConfig(config), 'fromFile: token');
});

t.test('a file that cannot be read or is half written says where and starts nothing', async (t) => {
  t.match(refusal(undefined, t, { config: 'nowhere.yaml' }), {
    code: 'KNOT_CONFIG_UNREADABLE',
    message: /nowhere\.yaml/,
  });
  t.match(refusal('domain: localhost\napps: [{name: echo', t), {
    code: 'KNOT_CONFIG_UNREADABLE',
    message: /knot\.yaml:2:\d+ is not valid YAML/,
  });
  t.match(refusal('domain: a\ndomain: b\n', t), { code: 'KNOT_CONFIG_UNREADABLE', message: /unique/ });
  t.match(refusal('- a\n- b\n', t), { code: 'KNOT_CONFIG_INVALID', message: /must be a section/ });
});

t.test('a chain of aliases cannot eat the memory', async (t) => {
  const levels = Array.from({ length: 12 }, (_, index) =>
    index === 0
      ? 'a0: &a0 [x,x,x,x,x,x,x,x,x]'
      : `a${index}: &a${index} [${'*a' + (index - 1)},${'*a' + (index - 1)},${'*a' + (index - 1)},${'*a' + (index - 1)},${'*a' + (index - 1)},${'*a' + (index - 1)}]`,
  );
  t.match(refusal(levels.join('\n'), t), { code: 'KNOT_CONFIG_UNREADABLE', message: /aliases/ });
});

t.test('each secret that is not there is named, wherever the schema has one', (t) => {
  const missing = '{fromEnv: KNOT_TEST_NOT_SET}';
  const { problems } = refusal(
    `
databasePassword: ${missing}
oidc: {clients: [{clientId: a, redirectUris: ["https://a.test/"], secret: ${missing}}]}
integrations: {jupyterhub: {clientSecret: ${missing}}}
mail: {server: "smtp://mail.test", from: "a@b.test", password: ${missing}}
tracing: {endpoint: "http://collector:4318", headers: [{header: authorization, value: ${missing}}]}
`,
    t,
  );
  t.strictSame(problems.map(({ path }) => path).sort(), [
    'databasePassword',
    'integrations.jupyterhub.clientSecret',
    'mail.password',
    'oidc.clients[0].secret',
    'tracing.headers[0].value',
  ]);
  t.end();
});

t.test('what is printed masks secrets and is itself a valid configuration', async (t) => {
  const folder = t.testdir({ secret: 'hunter2-from-file' });
  const flags = { database: 'postgres://knot:hunter2@db/knot' };
  const { config } = loadConfig(flags, {}, folder);
  const printed = describeConfig({ ...config, databasePassword: { fromFile: 'secret' } });
  t.notMatch(printed, /hunter2/);
  t.match(printed, /postgres:\/\/knot:\*\*\*@db\/knot/);
  const again = t.testdir({
    'knot.yaml': describeConfig({ ...config, database: undefined } as unknown as typeof config),
  });
  t.doesNotThrow(() => loadConfig({}, {}, again));
});

t.test('the example names every setting, is valid and equals the defaults', async (t) => {
  const folder = t.testdir({ 'knot.yaml': exampleConfig() });
  const empty = t.testdir({});
  const { baseFolder: _a, data: _b, policies: _c, ...fromExample } = loadConfig({}, {}, folder).config;
  const { baseFolder: _d, data: _e, policies: _f, ...defaults } = loadConfig({}, {}, empty).config;
  t.strictSame(fromExample, defaults);
  for (const name of [
    'httpListen',
    'databasePassword',
    'clientSecret',
    'redirectUris',
    'allowedGroups',
    'minimumPasswordLength',
    'from',
    'endpoint',
  ]) {
    t.match(exampleConfig(), `${name}:`);
  }
});

t.test('no value whatsoever makes the check crash', async (t) => {
  const folder = t.testdir({});
  fc.assert(
    fc.property(
      fc.object({
        key: fc.constantFrom('domain', 'listen', 'apps', 'tls', 'oidc', 'clients', 'mail', 'log', '__proto__', 'x'),
      }),
      (value) => {
        try {
          loadConfig({ config: 'given.json' }, {}, t.testdir({ 'given.json': JSON.stringify(value) }));
        } catch (error) {
          if (!(error instanceof KnotError)) throw error;
        }
      },
    ),
    { numRuns: 60, seed: 7 },
  );
  t.ok(folder);
});
