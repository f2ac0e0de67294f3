import t from 'tap';
import { type RouteState, silentLog } from '../../../gateway/lib/index.ts';
import { sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

const navigation =
  'Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\nAccept: text/html\r\n';

t.test('what sleeps is woken by whoever may open a page of it and does, and by nothing else', async (t) => {
  const woken: string[] = [];
  const warned: unknown[] = [];
  let state: RouteState | undefined;
  let mayEnter = true;
  const gateway = await openGateway(t, {
    log: { ...silentLog, warn: (...told: unknown[]) => void warned.push(told) },
    stateOf: () => state,
    wake: ({ route, visitor }) => void woken.push(`${route.service?.id} by ${visitor?.principal.username}`),
    decide: () => ({ effect: mayEnter ? 'allow' : 'deny', rules: [], policyVersion: 'test', reason: 'permit' }),
  });
  const { raw, port } = gateway;
  await gateway.routes.put({
    ...{ ...gateway.echo, host: 'site-ann.localhost', name: 'site-ann', kind: 'service', title: 'site' },
    upstream: { ...gateway.echo.upstream, port: 1 },
    service: { id: 's', label: 'site', owner: 'ann', isTeam: false },
  });
  const { cookie } = await gateway.signIn('site-ann.localhost');
  const host = `site-ann.localhost:${port}`;
  const ask = (fields = navigation, { method = 'GET', target = '/lab?x=1', as = cookie, at = host } = {}) =>
    sendRaw(
      raw,
      `${method} ${target} HTTP/1.1\r\nHost: ${at}\r\n${as && `Cookie: ${as}\r\n`}${fields}Connection: close\r\n\r\n`,
    );
  t.beforeEach(() => {
    woken.length = warned.length = 0;
    mayEnter = true;
    state = { status: 'asleep', message: 'It is asleep, because nobody used it for a while.' };
  });

  await t.test('a page that somebody opens', async (t) => {
    const { status, headers, body } = await ask();
    t.equal(status, 503);
    t.strictSame(woken, ['s by ann']);
    t.match(body, /<h1>site is waking up<\/h1>/);
    t.match(body, 'Its program is being started.');
    t.notMatch(body, 'It is asleep', 'it is not, since somebody came');
    // It stays at its address, so that it lands where it was to go, with query and fragment.
    t.match(body, /<meta http-equiv="refresh" content="1" ?\/>/);
    t.match(body, 'href="/lab?x=1">Try again');
    t.notOk(headers.get('set-cookie'));
    t.notOk(headers.get('location'));
    t.match(headers.get('content-security-policy')?.[0], /default-src 'none'.*script-src 'sha256-/);
    t.strictSame(headers.get('cache-control'), ['no-store']);
    t.strictSame(headers.get('retry-after'), ['1']);
    t.ok(Buffer.byteLength(body) < 20_000, `${Buffer.byteLength(body)} bytes`);
    t.equal(gateway.entries.at(-1)?.status, 503);
    await sendHttp2(raw, {
      ':method': 'GET',
      ':path': '/lab',
      ':authority': host,
      cookie: cookie,
      'sec-fetch-mode': 'navigate',
    });
    t.equal(woken.length, 2, 'over HTTP/2 too');
  });

  await t.test('what nobody opened does not, and is told when to come again', async (t) => {
    const rows: [string, string, { method?: string; target?: string }?][] = [
      ['HEAD', navigation, { method: 'HEAD' }],
      ['a form', `${navigation}Origin: https://${host}\r\nContent-Length: 0\r\n`, { method: 'POST' }],
      ['a script', 'Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n'],
      ['an image', 'Sec-Fetch-Mode: no-cors\r\nAccept: image/*\r\n'],
      ['a program', 'Accept: */*\r\nUser-Agent: curl/8.1\r\n'],
      ['a prefetch', `${navigation}Sec-Purpose: prefetch\r\n`],
      ['a page that is rendered ahead', `${navigation}Sec-Purpose: prefetch;prerender\r\n`],
      ['a prefetch of older browsers', `${navigation}Purpose: prefetch\r\n`],
      ['the same of Firefox', `${navigation}X-Moz: prefetch\r\n`],
      ['a picture for the tab', navigation, { target: '/favicon.ico' }],
      ['robots.txt', navigation, { target: '/robots.txt' }],
      ['the same, written otherwise', navigation, { target: '/%66avicon.ico' }],
      ['a crawler', `${navigation}User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)\r\n`],
      [
        'a WebSocket',
        `Origin: https://${host}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nConnection: Upgrade\r\n`,
      ],
    ];
    for (const [what, fields, options] of rows) {
      const answer =
        what === 'a WebSocket'
          ? await sendRaw(raw, `GET /lab HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n${fields}\r\n`)
          : await ask(fields, options);
      t.equal(answer.status, 503, what);
      t.strictSame(answer.headers.get('retry-after'), ['30'], what);
      t.notMatch(answer.body, 'http-equiv', what);
    }
    t.strictSame(woken, []);
    t.strictSame(warned, [], 'that what sleeps does not answer is no failure');
    t.match(JSON.parse((await ask('Accept: application/json\r\n')).body), {
      code: 'KNOT_PROXY_ASLEEP',
      remedy: /it wakes/,
    });
    t.equal(gateway.entries.at(-1)?.reason, 'asleep');
  });

  await t.test('nor does whoever may not be there, or asks for something else', async (t) => {
    t.equal((await ask(navigation, { as: '' })).status, 303, 'nobody is asked to sign in');
    t.equal((await ask(navigation, { as: '__Host-knot=nonsense' })).status, 303);
    mayEnter = false;
    t.equal((await ask()).status, 403);
    mayEnter = true;
    for (const [what, options] of Object.entries({
      'another host': { at: 'site-ann.localhost.evil.example' },
      'a host with more behind it': { at: `${host}@evil.example` },
      'an address of another host': { target: 'http://evil.example/lab' },
      'the same without a scheme': { target: '//evil.example/lab' },
      'a backslash': { target: '/\\evil.example' },
      'a reserved path': { target: '/.knot/wake' },
    }))
      t.ok((await ask(navigation, options)).status >= 400, what);
    const twice = await ask(`${navigation}Host: evil.example\r\n`);
    t.equal(twice.status, 400, 'two hosts');
    t.strictSame(woken, []);
  });

  await t.test('a page of what wakes shows its steps; one of what was stopped wakes nothing', async (t) => {
    state = {
      status: 'waking',
      message: 'Its program is being started.',
      steps: [
        { title: 'Install <packages>', state: 'done', startedAt: 1000, endedAt: 3500 },
        { title: 'Start the program', state: 'working', startedAt: Date.now() },
        { title: 'Wait until it answers', state: 'waiting' },
      ],
    };
    const { body } = await ask();
    t.match(body, /<li class="done">Install &lt;packages&gt; <span>done in 2\.5 s<\/span>/);
    t.match(body, /<li class="working">Start the program <span>\d\.\d s so far<\/span>/);
    t.match(body, /<li class="waiting">Wait until it answers <span>to come<\/span>/);
    state = {
      ...{ status: 'off', message: 'It is not running.', remedy: 'ann can start it.' },
      link: { href: 'https://localhost/services/s', label: 'Go and start it' },
    };
    const stopped = await ask();
    t.match(stopped.body, /<a class="button primary" href="https:\/\/localhost\/services\/s">Go and start it<\/a>/);
    t.match(stopped.body, 'ann can start it.');
    t.notMatch(stopped.body, 'http-equiv');
    state = {
      ...{ status: 'failed', message: 'A program is missing.', remedy: 'Ask.' },
      steps: [{ title: 'Start the program', state: 'failed', startedAt: 0, endedAt: 1500 }],
    };
    const failed = await ask();
    t.match(failed.body, /A program is missing\.[^]*<li class="failed">Start the program <span>failed after 1\.5 s/);
    t.notMatch(failed.body, 'http-equiv');
    t.strictSame(woken, []);
  });
});
