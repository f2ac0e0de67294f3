import t from 'tap';
import { hashSecret } from '../../gateway/lib/index.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { openGateway } from './fixture.ts';

t.test('a visit without a session is sent to sign in and comes back to the same address', async (t) => {
  const gateway = await openGateway(t);
  const { raw, port, recorder, sessions } = gateway;
  const get = (path: string, fields = '', host = 'echo.localhost') =>
    sendRaw(raw, `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${fields}Connection: close\r\n\r\n`);
  const navigation = 'Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n';
  const { session } = (await sessions.start({ user: gateway.user, device: 'x', address: '127.0.0.1' }))!;
  const handoffCookie = (setCookie: string): string => /__Host-knot-handoff=[^;]+/.exec(setCookie)![0];

  await t.test('with its path and query intact, bound to this browser', async (t) => {
    const path = '/hub/user-redirect/lab/tree/x%20y.ipynb?y=1&z=%2F';
    const away = await get(path, navigation);
    t.equal(away.status, 303);
    const location = new URL(away.headers.get('location')![0]!);
    t.equal(location.origin + location.pathname, `${gateway.address.origin}/login/handoff`);
    t.equal(location.searchParams.get('to'), gateway.address.originOf('echo.localhost') + path);
    const setCookie = away.headers.get('set-cookie')![0]!;
    t.match(setCookie, /^__Host-knot-handoff=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/);
    const cookie = handoffCookie(setCookie);
    const binding = location.searchParams.get('binding')!;
    t.equal(binding, hashSecret(cookie.split('=')[1]!));

    const code = await sessions.issueCode(session, { host: 'echo.localhost', binding, next: path });
    const back = await get(`/.knot/callback?code=${code}`, `Cookie: ${cookie}\r\n`);
    t.equal(back.status, 303);
    t.strictSame(back.headers.get('location'), [path]);
    const own = /^__Host-knot=[^;]+/.exec(back.headers.get('set-cookie')![0]!)![0];
    t.equal((await get(path, `Cookie: ${own}\r\n`)).status, 200);
    t.equal(recorder.requests.at(-1)?.target, path);
    t.notMatch(recorder.bytes(), /\.knot|callback/, 'the upstream never sees the exchange');

    const again = await get(`/.knot/callback?code=${code}`, `Cookie: ${cookie}\r\n`);
    t.equal(again.status, 400, 'R5 a code works once');
    t.match(again.body, /KNOT_PROXY_HANDOFF_FAILED/);
    t.equal((await get(path, `Cookie: ${own}\r\n`)).status, 401, 'and the session it made is gone');
  });

  await t.test('in two tabs at once', async (t) => {
    const first = await get('/one', navigation);
    const cookie = handoffCookie(first.headers.get('set-cookie')![0]!);
    const second = await get('/two', `${navigation}Cookie: ${cookie}\r\n`);
    t.equal(handoffCookie(second.headers.get('set-cookie')![0]!), cookie, 'the tabs share the secret');
    for (const answer of [second, first]) {
      const location = new URL(answer.headers.get('location')![0]!);
      const binding = location.searchParams.get('binding')!;
      const next = new URL(location.searchParams.get('to')!).pathname;
      const code = await sessions.issueCode(session, { host: 'echo.localhost', binding, next });
      const back = await get(`/.knot/callback?code=${code}`, `Cookie: ${cookie}\r\n`);
      t.strictSame(back.headers.get('location'), [next]);
    }
  });

  await t.test('R6 not in another browser, on another host, without a code, or with a made-up one', async (t) => {
    const away = await get('/', navigation);
    const cookie = handoffCookie(away.headers.get('set-cookie')![0]!);
    const binding = hashSecret(cookie.split('=')[1]!);
    const issue = () => sessions.issueCode(session, { host: 'echo.localhost', binding, next: '/' });
    const refused = [
      await get(`/.knot/callback?code=${await issue()}`),
      await get(`/.knot/callback?code=${await issue()}`, `Cookie: __Host-knot-handoff=${'x'.repeat(43)}\r\n`),
      await get(`/.knot/callback?code=${await issue()}`, `Cookie: ${cookie}; ${cookie}\r\n`),
      await get(`/.knot/callback?code=${await issue()}`, `Cookie: ${cookie}\r\n`, 'open.localhost'),
      await get('/.knot/callback', `Cookie: ${cookie}\r\n`),
      await get('/.knot/callback?code=nonsense', `Cookie: ${cookie}\r\n`),
    ];
    for (const answer of refused) {
      t.equal(answer.status, 400);
      t.notOk(answer.headers.has('set-cookie'), 'no session');
    }
    const page = await get('/.knot/callback?code=nonsense', `Cookie: ${cookie}\r\nAccept: text/html\r\n`);
    t.match(page.body, /href="\/">Open echo</);
    t.match(page.headers.get('content-security-policy')?.[0], /default-src 'none'/);
  });

  await t.test('R1 a stored target that is no path of this host leads nowhere', async (t) => {
    const away = await get('/', navigation);
    const cookie = handoffCookie(away.headers.get('set-cookie')![0]!);
    const binding = hashSecret(cookie.split('=')[1]!);
    for (const next of ['//evil/x', '/\\evil', 'https://evil.example/', 'javascript:alert(1)', '/%0d\r\nx']) {
      const code = await sessions.issueCode(session, { host: 'echo.localhost', binding, next });
      const back = await get(`/.knot/callback?code=${code}`, `Cookie: ${cookie}\r\n`);
      t.equal(back.status, 400, next);
      t.notOk(back.headers.has('location'), next);
    }
  });

  await t.test('what is no visit gets 401 and JSON, never a redirect (R10)', async (t) => {
    for (const fields of [
      'Accept: application/json\r\n',
      'Accept: text/html\r\nSec-Fetch-Mode: cors\r\n',
      '',
      'Accept: */*\r\n',
    ]) {
      const answer = await get('/api', fields);
      t.equal(answer.status, 401, fields);
      t.match(answer.headers.get('content-type')?.[0], /json/);
      t.notOk(answer.headers.has('location'));
      t.match(JSON.parse(answer.body), { code: 'KNOT_PROXY_UNAUTHENTICATED', statusCode: 401 });
    }
    t.equal((await get('/x', 'Accept: text/html,*/*\r\n')).status, 303, 'neighbour: an old browser');
  });

  await t.test('the reserved paths reach no upstream in any spelling', async (t) => {
    recorder.reset();
    const { cookie } = await gateway.signIn();
    for (const path of [
      '/.knot',
      '/.knot/',
      '/.knot/x',
      '/%2eknot/callback?code=x',
      '/.kno%74/callback',
      '/.knot/callback/',
    ]) {
      t.equal((await get(path, `Cookie: ${cookie}\r\n`)).status, 404, path);
    }
    t.equal(recorder.bytes(), '');
    t.equal((await get('/.knots', `Cookie: ${cookie}\r\n`)).status, 200, 'neighbour');
  });

  await t.test('an unknown host says nothing and sets nothing', async (t) => {
    const answer = await get('/', navigation, 'nothing.localhost');
    t.equal(answer.status, 404);
    t.notOk(answer.headers.has('set-cookie'));
    t.match(answer.body, /<h1>Nothing here<\/h1>/);
  });
});

t.test('a refusal says who, which rule and how it can be found again', async (t) => {
  const rules = [{ rule: 'owner-only', file: 'default.cedar', line: 12, effect: 'forbid' as const }];
  const asked: string[] = [];
  const gateway = await openGateway(t, {
    decide: ({ action, principal }) => {
      asked.push(`${principal.username} ${action}`);
      return { effect: 'deny', rules, policyVersion: 'v1', reason: 'forbid' };
    },
  });
  const { cookie } = await gateway.signIn();
  const request = (line: string, fields = '') =>
    sendRaw(
      gateway.raw,
      `${line} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`,
    );

  const page = await request('GET /x', 'Accept: text/html\r\n');
  t.equal(page.status, 403);
  for (const text of ['ann', 'owner-only', 'default.cedar:12', `href="${gateway.address.origin}/"`]) {
    t.ok(page.body.includes(text), text);
  }
  const entry = gateway.entries.at(-1)!;
  t.match(entry, { user: 'ann', verdict: 'deny', reason: 'forbid', status: 403, route: 'echo' });
  t.ok(page.body.includes(entry.decisionId!), 'the decision id of the log stands on the page');

  const api = await request('POST /x', `Origin: ${gateway.address.originOf('echo.localhost')}\r\n`);
  t.match(JSON.parse(api.body), { code: 'KNOT_PROXY_DENIED', details: { rule: 'owner-only' } });
  t.match(JSON.parse(api.body).details.decisionId, /^[0-9a-z]{16}$/);
  for (const method of ['HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    await request(`${method} /x`, `Origin: ${gateway.address.originOf('echo.localhost')}\r\n`);
  }
  t.strictSame(asked, ['ann view', 'ann open', 'ann view', 'ann view', 'ann open', 'ann open']);
  t.equal(gateway.recorder.bytes(), '');
});

t.test('C7 what changes something comes from a page of the same origin', async (t) => {
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, switches: { ...route.switches, crossOrigins: ['https://friend.example'] } }),
  });
  const { cookie } = await gateway.signIn();
  const origin = gateway.address.originOf('echo.localhost');
  const send = (method: string, fields: string, path = '/x', own = `Cookie: ${cookie}\r\n`) =>
    sendRaw(
      gateway.raw,
      `${method} ${path} HTTP/1.1\r\nHost: echo.localhost\r\n${own}${fields}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  for (const fields of [
    'Origin: https://evil.example\r\n',
    `Origin: ${gateway.address.originOf('open.localhost')}\r\n`,
    `Origin: ${gateway.address.origin}\r\n`,
    'Origin: null\r\n',
    `Origin: ${origin}.evil.example\r\n`,
    'Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\n',
    'Sec-Fetch-Site: cross-site\r\n',
    'Origin: null\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n',
    'Origin: null\r\nSec-Fetch-Site: same-site\r\n',
    `Origin: ${origin}\r\nSec-Fetch-Site: same-site\r\n`,
    `Origin: ${origin}\r\nSec-Fetch-Site:\r\n`,
    `Origin: ${origin}\r\nSec-Fetch-Site: Same-Origin\r\n`,
    `Origin: ${origin}\r\nSec-Fetch-Site: same-origin, none\r\n`,
    'Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n',
  ]) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await send(method, fields);
      t.equal(answer.status, 403, `${method} ${fields.trim()}`);
      t.match(answer.body, /KNOT_PROXY_CROSS_ORIGIN|comes from a page of another address/);
    }
    t.equal(
      (await send('POST', fields, '/tokens/x')).status,
      403,
      'also where clients bring tokens, if a cookie comes too',
    );
    t.equal((await send('POST', fields, '/tokens/x', '')).status, 200, 'neighbour: a token and no cookie');
  }
  const repeated = await send('POST', 'Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n');
  t.match(repeated, { status: 400, body: /repeated_header/ }, 'said twice is not said');
  gateway.recorder.reset();
  for (const fields of [
    `Origin: ${origin}\r\n`,
    'Origin: https://friend.example\r\n',
    'Sec-Fetch-Site: same-origin\r\n',
    'Origin: null\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n',
    'Sec-Fetch-Site: none\r\n',
    'Origin: https://friend.example\r\nSec-Fetch-Site: cross-site\r\n',
    '',
  ]) {
    t.equal((await send('POST', fields)).status, 200, `neighbour: ${fields.trim()}`);
  }
  t.equal(
    (await send('GET', 'Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n')).status,
    200,
    'reading is not changing',
  );
  t.equal((await send('OPTIONS', 'Origin: https://evil.example\r\n')).status, 200, 'nor is asking');
  gateway.recorder.reset();
  const preflight = (from: string) =>
    send('OPTIONS', `Origin: ${from}\r\nAccess-Control-Request-Method: PUT\r\n`, '/x', '');
  t.equal((await preflight('https://evil.example')).status, 401, 'a preflight carries no session');
  t.equal(gateway.recorder.bytes(), '');
  t.equal((await preflight('https://friend.example')).status, 200, 'neighbour: one from a listed origin passes');
  t.notMatch(gateway.recorder.bytes(), /x-knot-/i, 'and names nobody');
});

t.test('C3 U9 what cannot be looked up is not let in', async (t) => {
  const gateway = await openGateway(t, {
    decide: () => {
      throw new Error('the engine broke');
    },
  });
  const { cookie } = await gateway.signIn();
  for (const what of ['first', 'with everything cached']) {
    const answer = await sendRaw(
      gateway.raw,
      `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    );
    t.equal(answer.status, 503, what);
    t.notMatch(answer.body, /engine broke/);
  }
  t.equal(gateway.recorder.bytes(), '');
});
