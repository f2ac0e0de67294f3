import { request as httpRequest } from 'node:http';
import t from 'tap';
import { publicAddress } from '../../gateway/config/address.ts';
import { type AuthorizationRequest, silentLog } from '../../gateway/lib/index.ts';
import { createExplain, createRedirectListener } from '../../gateway/proxy/index.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { openGateway } from './fixture.ts';

t.test('an explanation asks what the live request asks', async (t) => {
  const asked: AuthorizationRequest[] = [];
  const gateway = await openGateway(t, {
    decide: (request) => {
      asked.push(request);
      return { effect: 'allow', rules: [], policyVersion: 'x', reason: 'permit' };
    },
  });
  const { cookie } = await gateway.signIn();
  const explained: AuthorizationRequest[] = [];
  const explain = createExplain({
    routes: gateway.routes,
    accounts: gateway.accounts,
    publicAddress: gateway.address,
    sharedOn: () => undefined,
    explain: async (request) => {
      explained.push(request);
      return {
        decision: { effect: 'allow', rules: [], policyVersion: 'x', reason: 'permit' },
        matched: [],
        others: [],
        hint: '',
      };
    },
  });
  const origin = gateway.address.originOf('echo.localhost');
  for (const [method, path] of [
    ['GET', '/a/%62?x=/admin'],
    ['POST', '/a'],
    ['HEAD', '/'],
  ] as const) {
    await sendRaw(
      gateway.raw,
      `${method} ${path} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const answer = await explain({ username: 'ann', method, url: `${origin}${path}` });
    t.match(answer, { outcome: 'decided', action: method === 'POST' ? 'open' : 'view', route: { name: 'echo' } });
    t.strictSame(explained.at(-1), asked.at(-1), `${method} ${path}`);
  }
});

t.test('an explanation names what is refused before anyone is asked', async (t) => {
  const gateway = await openGateway(t);
  const explain = createExplain({
    routes: gateway.routes,
    accounts: gateway.accounts,
    publicAddress: gateway.address,
    sharedOn: () => undefined,
    explain: () => t.fail('nobody is asked') as never,
  });
  const outcome = async (url: string, method = 'GET') => {
    const answer = await explain({ username: 'ann', method, url });
    return answer.outcome === 'refused' ? answer.reason : answer.outcome;
  };
  t.equal(await outcome('https://echo.localhost/a/../b'), 'dot_segment');
  t.equal(await outcome('https://echo.localhost/a%2fb'), 'encoded_slash');
  t.equal(await outcome('https://echo.localhost/', 'PROPFIND'), 'method_not_allowed');
  t.equal(await outcome('https://nothing.localhost/'), 'unknown_host');
  t.equal(await outcome('https://localhost/admin'), 'main');
  t.equal(await outcome('https://echo.localhost/tokens/x'), 'untouched');
  t.equal(await outcome('nothing.localhost/x'), 'unknown_host', 'without https://');
  t.equal(await outcome('nothing.localhost:8443'), 'unknown_host');
  for (const address of [
    'http://echo.localhost/',
    'javascript:alert(1)',
    'wss://echo.localhost/',
    '',
    '/only/a/path',
  ]) {
    await t.rejects(outcome(address), { code: 'KNOT_PROXY_EXPLAIN_INPUT' }, address);
  }
  await t.rejects(explain({ username: 'nobody', method: 'GET', url: 'https://echo.localhost/' }), {
    code: 'KNOT_PROXY_EXPLAIN_PERSON',
  });
});

t.test('an explanation says what the edge says, for whatever the edge refuses', async (t) => {
  const limits = { headerBytes: 300 };
  const gateway = await openGateway(t, { limits });
  const explain = createExplain({
    routes: gateway.routes,
    accounts: gateway.accounts,
    publicAddress: gateway.address,
    limits,
    sharedOn: () => undefined,
    explain: () => t.fail('nobody is asked') as never,
  });
  for (const [method, host, target] of [
    ['GET', 'echo.localhost', '/a%2fb'],
    ['GET', 'localhost', '/a%2fb'],
    ['GET', 'localhost', '/a/../b'],
    ['PROPFIND', 'echo.localhost', '/'],
    ['PROPFIND', 'localhost', '/'],
    ['TRACE', 'echo.localhost', '/'],
    ['GET', 'nothing.localhost', '/'],
    ['GET', 'elsewhere.example', '/'],
    ['GET', 'echo.localhost.', '/'],
    ['GET', 'echo.localhost', `/${'a'.repeat(400)}`],
  ] as const) {
    await sendRaw(gateway.raw, `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const { reason } = gateway.entries.at(-1)!;
    t.not(reason, '', `${method} ${host}${target.slice(0, 20)} is refused`);
    t.match(await explain({ username: 'ann', method, url: `https://${host}${target}` }), {
      outcome: 'refused',
      reason,
    });
  }
  t.match(await explain({ username: 'ann', method: 'GET', url: 'https://echo.localhost/.knot/callback' }), {
    outcome: 'main',
  });
});

t.test('the plain-HTTP listener only redirects, and only to our own hosts', async (t) => {
  const address = publicAddress({ domain: 'localhost', appsDomain: 'apps.test' }, 8443);
  const listen = { host: '127.0.0.1', port: 0 };
  const listener = await createRedirectListener({ listen, publicAddress: address, log: silentLog });
  t.teardown(() => listener.close());
  const ask = (path: string, host: string, method = 'GET') =>
    new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
      const sent = httpRequest({ port: listener.port, host: '127.0.0.1', path, method, headers: { host } });
      sent.on('response', (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location });
      });
      sent.on('error', reject).end();
    });
  t.strictSame(await ask('/a?b=%2F', 'LOCALHOST:80'), { status: 308, location: 'https://localhost:8443/a?b=%2F' });
  t.strictSame(await ask('/x', 'echo.localhost', 'POST'), { status: 308, location: 'https://echo.localhost:8443/x' });
  t.strictSame(await ask('/x', 'web-ann.apps.test'), { status: 308, location: 'https://web-ann.apps.test:8443/x' });
  for (const host of ['evil.example', 'evilapps.test', 'apps.test.evil', 'test'])
    t.equal((await ask('/', host)).status, 421, host);
  t.equal((await ask('/a/../b', 'localhost')).status, 400);
  t.equal((await ask('//evil.example/', 'localhost')).status, 400);
  const { port } = listener;
  await t.rejects(
    createRedirectListener({ listen: { host: '127.0.0.1', port }, publicAddress: address, log: silentLog }),
    {
      code: 'KNOT_PROXY_LISTEN_FAILED',
    },
  );
});
