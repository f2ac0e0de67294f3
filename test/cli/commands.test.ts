import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runKnot, startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';

const gateway = await startGateway({
  config: {
    integrations: { jupyterhub: { mode: 'off' } },
    apps: [{ name: 'echo', upstream: 'http://127.0.0.1:9000' }],
    plans: [{ name: 'small', title: 'Small', storage: '1 GiB', defaultFor: ['people'] }, { name: 'large' }],
  },
});
t.teardown(() => gateway.stop());

type Row = [
  what: string,
  args: string[],
  expected: { status: number; stdout?: RegExp; stderr?: RegExp; input?: string },
];

t.test('each command does what it says, or says why not, with its exit status', async (t) => {
  const password = 'correct-horse-staple-7';
  const add = ['user', 'add', 'ann', '--email', 'ann@example.org', '--admin', '--password-file', '-'];
  const rows: Row[] = [
    ['help', ['help'], { status: 0, stdout: /user add NAME --email E \[--admin\] --password-file F\|-/ }],
    ['version', ['version'], { status: 0, stdout: /^knot \d+\.\d+\.\d+ \(Node 2\d/ }],
    ['version as a flag', ['--version'], { status: 0, stdout: /^knot \d+/ }],
    ['nothing known', ['frobnicate'], { status: 2, stderr: /unknown command/ }],
    [
      'argument missing',
      ['user', 'add', '--email', 'a@b.c', '--password-file', '-'],
      { status: 2, stderr: /argument is missing[^]*usage: knot user add/ },
    ],
    ['flag missing', ['user', 'add', 'ann', '--password-file', '-'], { status: 2, stderr: /--email is missing/ }],
    ['flag unknown', ['user', 'list', '--jsn'], { status: 2, stderr: /did you mean --json/ }],
    ['weak password', add, { status: 1, stderr: /KNOT_ACCOUNTS_PASSWORD/, input: 'password' }],
    ['add an admin', add, { status: 0, stdout: /ann can sign in and is an admin/, input: `${password}\n` }],
    ['add again', add, { status: 1, stderr: /taken|exists/i, input: password }],
    [
      'look-alike',
      ['user', 'add', 'arnn', '--email', 'x@example.org', '--password-file', '-'],
      { status: 0, input: password },
    ],
    [
      'reserved',
      ['user', 'add', 'root', '--email', 'r@example.org', '--password-file', '-'],
      { status: 1, stderr: /reserved/, input: password },
    ],
    [
      'password file missing',
      ['user', 'add', 'bob', '--email', 'b@example.org', '--password-file', '/nowhere'],
      { status: 1, stderr: /KNOT_CLI_PASSWORD_FILE/ },
    ],
    ['list', ['user', 'list'], { status: 0, stdout: /ann\s+ann@example\.org\s+active\s+admin/ }],
    ['last admin', ['user', 'disable', 'ann'], { status: 1, stderr: /last.*admin/i }],
    ['disable nobody', ['user', 'disable', 'nobodyhere'], { status: 1, stderr: /There is no user "nobodyhere"/ }],
    ['disable', ['user', 'disable', 'arnn'], { status: 0, stdout: /disabled/ }],
    ['enable', ['user', 'enable', 'arnn'], { status: 0, stdout: /active/ }],
    ['setup link with an admin', ['user', 'setup-link'], { status: 1, stderr: /An admin exists/ }],
    ['client without address', ['client', 'add', 'demo'], { status: 2, stderr: /--redirect-uri is missing/ }],
    [
      'client',
      ['client', 'add', 'demo', '--redirect-uri', 'https://demo.example.org/cb', '--json'],
      { status: 0, stdout: /"clientId":"[^"]+","clientSecret":"[^"]{40,}"/ },
    ],
    [
      'public client',
      ['client', 'add', 'spa', '--redirect-uri', 'https://spa.example.org/cb', '--public', '--json'],
      { status: 0, stdout: /^\{"clientId":"[^"]+"\}\n$/ },
    ],
    [
      'whole client',
      [
        ...['client', 'add', 'harbor', '--title', 'Images of the team', '--redirect-uri', 'https://h.example/cb'],
        ...['--post-logout-redirect-uri', 'https://h.example/', '--backchannel-logout-uri', 'http://10.0.0.9/out'],
        ...['--allowed-group', 'knot:team:genomics', '--first-party', '--alg', 'ES256', '--secret-file', '-'],
      ],
      {
        status: 0,
        stdout: /client id {6}harbor\nclient secret {2}given-secret%0123456789/,
        stderr: /warning: the secret holds %/,
        input: 'given-secret%0123456789\n',
      },
    ],
    [
      'show client',
      ['client', 'show', 'harbor'],
      { status: 0, stdout: /title\s+Images of the team[^]*first party[^]*10\.0\.0\.9[^]*knot:team:genomics[^]*ES256/ },
    ],
    [
      'set client',
      ['client', 'set', 'harbor', '--allowed-group', '', '--third-party', '--backchannel-logout-uri', '', '--json'],
      { status: 0, stdout: /"backchannelLogoutUri": null[^]*"firstParty": false[^]*"allowedGroups": \[\]/ },
    ],
    ['set nothing', ['client', 'set', 'harbor'], { status: 2, stderr: /nothing to change/ }],
    ['set alg', ['client', 'set', 'harbor', '--alg', 'none'], { status: 2, stderr: /RS256 or ES256/ }],
    [
      'several problems',
      ['client', 'set', 'harbor', '--redirect-uri', 'http://h.example/', '--title', ' '],
      { status: 1, stderr: /name must[^]*redirectUris must[^]*KNOT_OIDC_CLIENT_INPUT/ },
    ],
    [
      'rotate',
      ['client', 'rotate-secret', 'harbor', '--overlap', '2', '--json'],
      { status: 0, stdout: /"clientSecret":"[\w-]{43}","previousSecretUntil":\d+/ },
    ],
    ['rotate at once', ['client', 'rotate-secret', 'harbor', '--overlap', '0'], { status: 0, stdout: /has ended/ }],
    ['rotate for ever', ['client', 'rotate-secret', 'harbor', '--overlap', '9999'], { status: 2, stderr: /90 days/ }],
    ['rotate public', ['client', 'rotate-secret', 'spa'], { status: 1, stderr: /KNOT_OIDC_CLIENT_PUBLIC/ }],
    ['list clients', ['client', 'list'], { status: 0, stdout: /harbor\s+Images of the team\s+cli\s+confidential/ }],
    ['remove client', ['client', 'remove', 'harbor'], { status: 0, stdout: /removed/ }],
    ['show removed', ['client', 'show', 'harbor'], { status: 1, stderr: /KNOT_OIDC_CLIENT_UNKNOWN/ }],
    [
      'client with bad address',
      ['client', 'add', 'bad', '--redirect-uri', 'https://a/#f'],
      { status: 1, stderr: /KNOT_OIDC_REDIRECT_URI/ },
    ],
    ['clients', ['client', 'list'], { status: 0, stdout: /demo/ }],
    ['remove client', ['client', 'remove', 'demo'], { status: 0 }],
    ['remove it again', ['client', 'remove', 'demo'], { status: 1, stderr: /KNOT_OIDC_CLIENT_UNKNOWN/ }],
    ['policies', ['policy', 'check'], { status: 0, stdout: /\d+ rules are valid, \d+ cases pass/ }],
    ['audit', ['audit', 'verify'], { status: 0, stdout: /\d+ records, unbroken/ }],
    [
      'a team with a manager',
      ['team', 'add', 'physics', '--title', 'Physics', '--manager', 'ann'],
      { status: 0, stdout: /physics is made, managed by ann/ },
    ],
    [
      'a team of nobody',
      ['team', 'add', 'chem', '--title', 'x', '--manager', 'nobodyhere'],
      { status: 1, stderr: /no user/ },
    ],
    ['which was not made', ['team', 'remove', 'chem'], { status: 1, stderr: /no team "chem"/ }],
    ['a member', ['team', 'set', 'physics', 'arnn'], { status: 0, stdout: /arnn is a member of physics/ }],
    [
      'a role there is not',
      ['team', 'set', 'physics', 'arnn', '--role', 'boss'],
      { status: 2, stderr: /member or manager/ },
    ],
    ['teams', ['team', 'list'], { status: 0, stdout: /physics\s+Physics\s+ann\*,arnn/ }],
    ['a user is no team', ['team', 'set', 'ann', 'arnn'], { status: 1, stderr: /KNOT_CLI_NO_SUCH_TEAM/ }],
    ['out of a team', ['team', 'unset', 'physics', 'arnn'], { status: 0, stdout: /arnn is not in physics/ }],
    ['teams', ['team', 'list', '--json'], { status: 0, stdout: /"physics"[^]*"ann"/ }],
    ['a token without scope', ['token', 'add', 'ci', '--as', 'ann'], { status: 2, stderr: /--scope is missing/ }],
    [
      'a token',
      ['token', 'add', 'ci', '--as', 'ann', '--scope', 'files:read', '--days', '2'],
      { status: 0, stdout: /^knot_pat_\w{42} {3}\(shown only now/ },
    ],
    [
      'a scope there is not',
      ['token', 'add', 'ci', '--as', 'ann', '--scope', 'x'],
      { status: 1, stderr: /TOKENS_SCOPE/ },
    ],
    ['tokens', ['token', 'list', '--as', 'ann'], { status: 0, stdout: /ci\s+….{4}\s+files:read.*never/ }],
    ['no such token', ['token', 'remove', 'x', '--as', 'ann'], { status: 1, stderr: /no such token/ }],
    [
      'plans',
      ['plan', 'list'],
      { status: 0, stdout: /small\s+Small\s+1073741824 bytes\s+unlimited\s+unlimited\s+unlimited\s+people/ },
    ],
    ['the default', ['plan', 'show', 'ann'], { status: 0, stdout: /ann: small \(the default\)/ }],
    [
      'no default for teams',
      ['plan', 'show', 'physics'],
      { status: 0, stdout: /physics: no plan \(nothing is limited\)/ },
    ],
    ['a plan', ['plan', 'set', 'physics', 'large'], { status: 0, stdout: /physics: large \(given/ }],
    ['a plan there is not', ['plan', 'set', 'ann', 'huge'], { status: 1, stderr: /no plan "huge"[^]*small, large/ }],
    ['no choice', ['plan', 'set', 'ann'], { status: 2, stderr: /either the name of a plan or --default/ }],
    ['taken back', ['plan', 'set', 'physics', '--default'], { status: 0, stdout: /no plan/ }],
    ['a plan of nobody', ['plan', 'show', 'nobodyhere'], { status: 1, stderr: /KNOT_CLI_NO_SUCH_OWNER/ }],
    ['delete a team', ['team', 'remove', 'physics'], { status: 0, stdout: /deleted/ }],
    ['sessions', ['session', 'list', '--json'], { status: 0, stdout: /^\[\]\n$/ }],
    ['end without choice', ['session', 'end'], { status: 2, stderr: /either a session id or --user/ }],
    ['end nothing', ['session', 'end', 'no-such-session'], { status: 1, stderr: /no such session/ }],
    [
      'integration that is off',
      ['integrations', 'show', 'jupyterhub'],
      { status: 1, stderr: /KNOT_CLI_NO_SUCH_INTEGRATION/ },
    ],
    ['routes', ['routes', 'list'], { status: 0, stdout: /echo\.localhost\s+app\s+everyone/ }],
    ['one route', ['routes', 'show', 'echo.localhost'], { status: 0, stdout: /encodedSlash: false/ }],
    ['no route', ['routes', 'show', 'nowhere.localhost'], { status: 1, stderr: /KNOT_CLI_NO_SUCH_ROUTE/ }],
    ['explain', ['explain', 'https://echo.localhost/', '--as', 'ann'], { status: 0, stdout: /^ALLOW/ }],
    [
      'explain to nobody',
      ['explain', 'https://echo.localhost/', '--as', 'zoe'],
      { status: 1, stderr: /no user "zoe"/ },
    ],
    ['templates', ['template', 'list'], { status: 0, stdout: /script +\d+\.\d+\.\d+ +shipped +yes/ }],
    ['template', ['template', 'show', 'script'], { status: 0, stdout: /^Script \d/ }],
    ['no template', ['template', 'show', 'nowhere'], { status: 1, stderr: /nowhere/ }],
    ['tools', ['integrations', 'list'], { status: 0, stdout: /none[^]*`knot routes list` shows[^]*`plain`/ }],
    [
      'a plain one',
      ['integrations', 'show', 'echo'],
      { status: 1, stderr: /"echo" is an application of kind `plain`/ },
    ],
    [
      'a tool that is off',
      ['integrations', 'check', 'jupyterhub'],
      { status: 1, stderr: /or it is off[^]*Known: none/ },
    ],
    ['connections of nobody', ['connection', 'list', '--user', 'zoe'], { status: 1, stderr: /no user "zoe"/ }],
    ['connections', ['connection', 'list', '--user', 'ann'], { status: 0 }],
    ['no cluster', ['provision', 'status'], { status: 1, stderr: /KNOT_CLI_NO_PLACES/ }],
    ['no cluster to look at', ['verify', 'isolation'], { status: 1, stderr: /KNOT_APP_NO_CLUSTER/ }],
    ['configuration', ['config', 'show'], { status: 0, stdout: /mode: off/ }],
    ['configuration check', ['config', 'check'], { status: 0, stdout: /is valid/ }],
  ];
  const usages = (await gateway.knot(['help'])).stdout.split('\n');
  const takesJson = (args: string[]) =>
    usages.some((usage) => usage.includes('[--json]') && `${usage} `.startsWith(`  ${args.slice(0, 2).join(' ')} `));
  const readers = new Set<string>();
  for (const [what, args, expected] of rows) {
    const result = await gateway.knot(args, expected.input);
    if (result.status === 0 && args.includes('--json'))
      t.doesNotThrow(() => JSON.parse(result.stdout), `${what}: JSON`);
    const reads = args[1] === 'list' || args[1] === 'show';
    if (result.status === 0 && reads && takesJson(args)) {
      readers.add(args.slice(0, 2).join(' '));
      const { stdout } = await gateway.knot([...args, '--json']);
      t.doesNotThrow(() => JSON.parse(stdout), `${what}: for programs`);
    }
    t.equal(result.status, expected.status, `${what}: status (${result.stderr.slice(0, 200)})`);
    if (expected.stdout) t.match(result.stdout, expected.stdout, `${what}: output`);
    if (expected.stderr) t.match(result.stderr, expected.stderr, `${what}: reason`);
    t.notMatch(result.stdout + result.stderr, new RegExp(password), `${what}: no password is printed`);
  }
  t.ok(readers.size >= 12, `asked as JSON too: ${[...readers].join(', ')}`);
});

t.test('the process says the same, on the same streams, and ends with the status', async (t) => {
  const run = (words: string[], input?: string) =>
    runKnot([...words, '--data', gateway.data, '--policies', gateway.policies], input);
  t.match(await run(['user', 'list']), { status: 0, stdout: /ann@example\.org/, stderr: '' });
  const add = ['user', 'add', 'ann', '--email', 'ann@example.org', '--password-file', '-'];
  t.match(await run(add, 'correct-horse-staple-7\n'), { status: 1, stdout: '', stderr: /^knot: .*KNOT_ACCOUNTS/s });
  t.match(await run(['user', 'list', '--jsn']), { status: 2, stdout: '', stderr: /usage: knot user list/ });
});

t.test('ending a session on the command line is in force within two seconds', async (t) => {
  const ann = createPerson(gateway);
  t.teardown(() => ann.close());
  await ann.signIn('ann', 'correct-horse-staple-7');
  t.equal((await ann.api('GET', '/me')).status, 200);
  const [session] = JSON.parse((await gateway.knot(['session', 'list', '--json'])).stdout) as {
    id: string;
    username: string;
  }[];
  t.equal(session!.username, 'ann');
  t.equal((await gateway.knot(['session', 'end', session!.id])).status, 0);
  const deadline = performance.now() + 2000;
  let status = 200;
  while (status === 200 && performance.now() < deadline) status = (await ann.api('GET', '/me')).status;
  t.equal(status, 401);
});

t.test('what an external hub needs is printed', async (t) => {
  const folder = t.testdir({
    'knot.yaml':
      'integrations: {jupyterhub: {mode: external, upstream: "http://hub.internal:8000"}}\ndomain: knot.example.org\npublicPort: 443\n',
    data: { jupyterhub: {} },
  });
  const show = () =>
    runKnot(['integrations', 'show', 'jupyterhub', '--config', `${folder}/knot.yaml`, '--data', `${folder}/data`]);
  t.match(await show(), { status: 1, stderr: /KNOT_INTEGRATIONS_NO_SECRET/ }, 'before the first start');
  writeFileSync(join(folder, 'data/jupyterhub/client-secret'), 'made-at-the-first-start\n');
  const { status, stdout, stderr } = await show();
  t.equal(status, 0, stderr);
  for (const text of [
    'GenericOAuthenticator',
    'https://knot.example.org/oidc/auth',
    'https://jupyterhub.knot.example.org/hub/oauth_callback',
    'client_id',
    'made-at-the-first-start',
  ])
    t.match(stdout, text);
});
