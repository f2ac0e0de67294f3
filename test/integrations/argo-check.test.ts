import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { createArgo } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';

/** What a check says of a server that is not set up as it must be. A real one that is right is in `argo.test.ts`. */

type Answers = (request: IncomingMessage, answer: ServerResponse) => void;

async function checked(t: Test, answers: Answers, auth: 'token' | 'sso' = 'token') {
  const server = createServer(answers);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const argo = createArgo({
    ...{ publicAddress: publicAddress({ domain: 'localhost' }, 8443), clientSecret: () => 'secret' },
    ...{ caFile: undefined, ownCaPem: undefined, clock: systemClock, log: silentLog },
    config: { title: 'Workflows', namespace: 'argo', auth },
    upstream: parseUpstream(`http://127.0.0.1:${port}`, { allowLoopback: true }),
    ...{ secret: undefined, namespacePrefix: 'knot-' },
    requestToken: async () => ({ token: 'of-the-account', lifeMs: 600_000 }),
    sampleNamespace: async () => 'knot-ann',
  });
  t.teardown(async () => {
    await argo.stop();
    server.close();
  });
  const found = await argo.check!();
  return {
    wrong: found.filter(({ status }) => status === 'failed').map(({ name, message }) => `${name}: ${message}`),
    right: found.filter(({ status }) => status === 'ok').map(({ name }) => name),
  };
}

/** As a server that is right answers; `location`: where it sends whoever is to sign in. */
const right =
  (location?: string, fields: Record<string, string> = {}): Answers =>
  ({ url = '', headers }, answer) => {
    for (const [name, value] of Object.entries(fields)) answer.setHeader(name, value);
    if (url.startsWith('/oauth2/redirect')) {
      answer.writeHead(location === undefined ? 501 : 302, location === undefined ? {} : { location }).end();
      return;
    }
    const isKnown = headers.authorization === 'Bearer of-the-account';
    const status = !isKnown ? 401 : url.startsWith('/api/v1/workflows/?') ? 403 : 200;
    answer.writeHead(status, { 'content-type': 'application/json' }).end('{"version":"v4.0.5"}');
  };

t.test('whether its clock is that of Knot', async (t) => {
  t.strictSame((await checked(t, right())).wrong, []);
  const late = new Date(Date.now() - 3_600_000).toUTCString();
  const { wrong } = await checked(t, right(undefined, { date: late }));
  t.match(wrong, [/^argo: clock: Its clock is 3\d\d\d s behind that of Knot/]);
  t.equal(wrong.length, 1);
});

t.test('whether it sends people to Knot to sign in, and back to where it is', async (t) => {
  const issuer = 'https://localhost:8443/oidc';
  const back = encodeURIComponent('https://argo.localhost:8443/oauth2/callback');
  const good = await checked(t, right(`${issuer}/auth?client_id=argo&redirect_uri=${back}`), 'sso');
  t.strictSame(good.wrong, []);
  t.match(good.right.join(), /argo: signs in at Knot,argo: comes back from Knot/);

  t.match((await checked(t, right(), 'sso')).wrong, [
    /signs in at Knot: It signs nobody in \(501\): start it with --auth-mode sso/,
  ]);
  const other = await checked(t, right(`https://dex.example.org/auth?redirect_uri=${back}`), 'sso');
  t.match(other.wrong, [
    /It sends people to https:\/\/dex\.example\.org to sign in: its sso\.issuer is to be https:\/\/localhost:8443\/oidc/,
  ]);
  const elsewhere = await checked(
    t,
    right(`${issuer}/auth?redirect_uri=${encodeURIComponent('http://argo/x')}`),
    'sso',
  );
  t.match(elsewhere.wrong, [
    /comes back from Knot: It has people come back to http:\/\/argo\/x: its sso\.redirectUrl is to be/,
  ]);
  t.notMatch((await checked(t, right())).right.join(), /signs in at Knot/, 'with tokens nobody is asked');
});

t.test('each thing that is wrong with it is told in plain words, with what to do', async (t) => {
  const answering =
    (of: (path: string, isKnown: boolean) => [status: number, body?: object]): Answers =>
    ({ url = '', headers }, answer) => {
      const [status, body = {}] = of(url, headers.authorization === 'Bearer of-the-account');
      answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  const good = { version: 'v4.0.5' };
  const isAll = (path: string) => path.startsWith('/api/v1/workflows/?');
  const wrongs: [what: string, answers: Answers, says: RegExp][] = [
    ['it does all for everybody', answering(() => [200, good]), /--auth-mode server .*Leave that mode out/],
    ['it is another', answering(() => [404]), /It answers 404; 401 was expected/],
    [
      'it takes no token of the cluster',
      answering(() => [401]),
      /does not take a token of the cluster: start it with --auth-mode client/,
    ],
    [
      'it is older than Knot knows',
      answering((path, isKnown) => (!isKnown ? [401] : isAll(path) ? [403] : [200, { version: 'v3.6.2' }])),
      /It is v3\.6\.2; Knot was tried with 4\.0/,
    ],
    [
      'the cluster does not know workflows',
      answering((path, isKnown) => (!isKnown ? [401] : path.includes('/workflows/') ? [404] : [200, good])),
      /argo: definitions: The cluster does not know what workflows are/,
    ],
    [
      'accounts have no rights',
      answering((path, isKnown) => (!isKnown ? [401] : path.includes('/workflows/') ? [403] : [200, good])),
      /\(403\): install the role knot-argo of Knot's chart/,
    ],
    [
      'accounts have too many rights',
      answering((_path, isKnown) => (isKnown ? [200, good] : [401])),
      /those of all namespaces \(200\): some role gives accounts of people too much/,
    ],
  ];
  for (const [what, answers, says] of wrongs) {
    const { wrong } = await checked(t, answers);
    t.equal(wrong.length, 1, what);
    t.match(wrong[0], says, what);
    t.notMatch(wrong.join(), /127\.0\.0\.1|ECONN/, what);
  }
});
