import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { publicAddress } from '../../gateway/config/address.ts';
import { systemClock } from '../../gateway/lib/index.ts';
import { createExternalHub } from '../../gateway/integrations/jupyterhub/external.ts';

/** What a hub that runs elsewhere is asked, and by which right: its answers are those of JupyterHub 5 (`managed-hub.test.ts` asks a real one). */
const clientSecret = 'shared-by-hub-and-knot';

t.test('a hub that runs elsewhere says whose server runs, and stops it', async (t) => {
  const asked: string[] = [];
  const answers: Record<string, [status: number, body?: object][]> = {};
  const server = createServer((request, response) => {
    const question = `${request.method} ${request.url} ${request.headers.authorization}`;
    asked.push(question);
    const [status, body] = answers[request.method!]?.shift() ?? [500];
    response.writeHead(status, { 'content-type': 'application/json' }).end(body && JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const hub = createExternalHub({
    config: { title: 'Notebooks' },
    publicAddress: publicAddress({ domain: 'knot.example.org' }, 443),
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port, allowLoopback: true },
    clientSecret,
    caFile: undefined,
    clock: systemClock,
  });
  t.teardown(() => hub.stop());

  const settings = hub.settings();
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: settings });
  const token = /"api_token": "([0-9a-f]{64})"/.exec(settings)?.[1];
  t.ok(token, 'what is pasted names the token');
  t.match(settings, '"scopes": ["read:servers", "delete:servers"]');

  const servers = (...names: string[]) => ({
    kind: 'user',
    servers: Object.fromEntries(names.map((name) => [name, {}])),
  });
  answers['GET'] = [[200, servers('')], [200, servers()], [200, servers('named')], [404], [403]];
  t.equal(await hub.runsFor!('ann'), true);
  t.equal(await hub.runsFor!('ann'), false);
  t.equal(await hub.runsFor!('ann'), false, 'a tile is of the one server that it opens');
  t.equal(await hub.runsFor!('nobody'), false);
  await t.rejects(hub.runsFor!('ann'), { code: 'KNOT_INTEGRATIONS_TOOL_FORBIDDEN' });
  t.equal(asked[0], `GET /hub/api/users/ann token ${token}`);

  answers['DELETE'] = [[202], [204], [404], [403], [400]];
  await hub.stopOf!('ann');
  t.equal(asked.at(-1), `DELETE /hub/api/users/ann/server token ${token}`);
  await hub.stopOf!('nobody');
  for (const why of ['older settings', 'a refusal'])
    await t.rejects(hub.stopOf!('ann'), { code: 'KNOT_INTEGRATIONS_NOT_STOPPED' }, why);
});

t.test('what is wrong with a hub that runs elsewhere is told in plain words, with what to do', async (t) => {
  let answers: (
    url: string,
    authorization: string | undefined,
  ) => [status: number, body?: object | undefined, location?: string];
  const server = createServer(({ url = '', headers }, response) => {
    const [status, body, location] = answers(url, headers.authorization);
    response.writeHead(status, { 'content-type': 'application/json', ...(location !== undefined && { location }) });
    response.end(body && JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  let now = Date.now();
  const hub = createExternalHub({
    config: { title: 'Notebooks' },
    publicAddress: publicAddress({ domain: 'knot.example.org' }, 443),
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port, allowLoopback: true },
    ...{ clientSecret, caFile: undefined, clock: { now: () => now } },
  });
  t.teardown(() => hub.stop());
  const token = /"api_token": "([0-9a-f]{64})"/.exec(hub.settings())![1]!;
  const back = encodeURIComponent('https://jupyterhub.knot.example.org/hub/oauth_callback');
  const toKnot = `https://knot.example.org/oidc/auth?client_id=jupyterhub&redirect_uri=${back}`;
  const right: typeof answers = (url, authorization) => {
    if (url === '/hub/api') return [200, { version: '5.4.0' }];
    if (url === '/hub/oauth_login') return [302, undefined, toKnot];
    if (authorization !== `token ${token}`) return [403];
    return [200, { kind: 'service', name: 'knot', scopes: ['delete:servers', 'read:servers', 'read:users:name'] }];
  };
  const found = async (as: typeof answers) => {
    answers = as;
    return (await hub.check!()).map(({ name, status, message, remedy }) => `${status} ${name}: ${message} ${remedy}`);
  };
  const wrong = async (as: typeof answers) => (await found(as)).filter((line) => !line.startsWith('ok '));
  t.match(await found(right), [/^ok answers: JupyterHub 5\.4\.0/, /^ok sign-in/, /^ok servers/]);

  const but =
    (path: string, ...answer: ReturnType<typeof answers>): typeof answers =>
    (url, authorization) =>
      url === path ? answer : right(url, authorization);
  const cases: [what: string, answers: typeof right, says: RegExp][] = [
    ['something else', () => [404, { error: 'no such page' }], /^failed answers: What answers is not JupyterHub/],
    [
      'an older one',
      but('/hub/api', 200, { version: '4.1.6' }),
      /^failed version: It is JupyterHub 4\.1\.6, and Knot was made for 5\.0 and later\. An administrator upgrades/,
    ],
    ['passwords of its own', but('/hub/oauth_login', 404), /^failed sign-in: .* Paste what `knot integrations show/],
    [
      'another provider',
      but('/hub/oauth_login', 302, undefined, `https://accounts.example.com/?redirect_uri=${back}`),
      /^failed sign-in: People do not sign in at Knot/,
    ],
    [
      'another way back',
      but('/hub/oauth_login', 302, undefined, toKnot.replace(back, encodeURIComponent('http://hub/x'))),
      /^failed sign-in: It has people come back to http:\/\/hub\/x, and not to https:\/\/jupyterhub\.knot/,
    ],
    ['older settings', but('/hub/api/user', 403), /^warning servers: It does not let Knot see and stop/],
    ['fewer rights', but('/hub/api/user', 200, { scopes: ['read:servers'] }), /^warning servers: /],
  ];
  for (const [what, as, says] of cases) {
    const told = await wrong(as);
    t.equal(told.length, 1, `${what}: ${told.join()}`);
    t.match(told[0], says, what);
    t.notMatch(told.join(), /127\.0\.0\.1|ECONN/, what);
  }
  now += 90_000;
  t.match(await wrong(right), [/^failed clock: Its clock is (89|9\d) s behind that of Knot.*NTP/]);
});
