import t from 'tap';
import { createManualClock } from '../../../gateway/lib/index.ts';
import { sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

t.test('a sign-in of the upstream leads people to where they wanted to be', async (t) => {
  const gateway = await openGateway(t, {
    route: (route) => ({
      ...route,
      namespaces: { prefix: 'knot-', paths: ['/workflows/{}'] },
      leads: { '/': '/workflows/{}', '/login': '/workflows/{}', '/old': '/new' },
    }),
  });
  const { cookie } = await gateway.signIn();
  const ask = (line: string, fields = 'Accept: text/html\r\n', own = `Cookie: ${cookie}\r\n`) =>
    sendRaw(
      gateway.raw,
      `${line} HTTP/1.1\r\nHost: echo.localhost:${gateway.port}\r\n${own}${fields}Connection: close\r\n\r\n`,
    );
  const page = 'Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n';
  for (const [path, to] of [
    ['/', '/workflows/knot-ann'],
    ['/login', '/workflows/knot-ann'],
    ['/login?redirect=https://evil.example', '/workflows/knot-ann'],
    ['/old', '/new'],
  ] as const) {
    const answer = await ask(`GET ${path}`, page);
    t.equal(answer.status, 303, path);
    t.strictSame(answer.headers.get('location'), [to], path);
  }
  t.equal(gateway.recorder.requests.length, 0, 'the upstream is not asked');

  for (const path of ['/workflows/knot-ann', '/login/', '/logins', '/Login'])
    t.equal((await ask(`GET ${path}`, page)).status, 200, `${path} is another page`);
  t.equal((await ask('GET /login', 'Accept: application/json\r\n')).status, 200, 'what asks for no page is not led');
  t.equal((await ask('POST /login', 'Content-Length: 0\r\nAccept: application/json\r\n')).status, 200);
  t.equal((await ask('GET /login', page, '')).status, 303, 'who is not signed in signs in at Knot first');
});

t.test(
  'a sign-in of its own is gone on with, to the page that was to be seen; one that does not help comes to an end',
  async (t) => {
    const clock = createManualClock(Date.now());
    const gateway = await openGateway(t, {
      clock,
      route: (route) => ({
        ...route,
        namespaces: { prefix: 'knot-', paths: ['/workflows/{}'] },
        leads: { '/': '/workflows/{}', '/login': '/oauth2/redirect?redirect=/workflows/{}' },
      }),
    });
    const { cookie } = await gateway.signIn();
    const other = await gateway.signIn();
    const page = 'Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n';
    const ask = (path: string, own = cookie) =>
      sendRaw(
        gateway.raw,
        `GET ${path} HTTP/1.1\r\nHost: echo.localhost:${gateway.port}\r\nCookie: ${own}\r\n${page}Connection: close\r\n\r\n`,
      );
    const onward = async (path: string) => {
      clock.advance(60_000);
      const [location = ''] = (await ask(path)).headers.get('location') ?? [];
      const { pathname, searchParams } = new URL(location, 'https://echo.localhost');
      t.equal(pathname, '/oauth2/redirect', path);
      return searchParams.get('redirect');
    };
    const own = '/workflows/knot-ann';
    t.equal(await onward('/login'), own);
    t.equal(
      await onward('/login?redirect=%2Fworkflows%2Fknot-ann%2Ffirst%3Ftab%3Dworkflow'),
      `${own}/first?tab=workflow`,
    );
    for (const elsewhere of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/login?redirect=/',
      '/',
      '',
    ])
      t.equal(await onward(`/login?redirect=${encodeURIComponent(elsewhere)}`), own, elsewhere);

    clock.advance(60_000);
    for (let times = 0; times < 4; times += 1) t.equal((await ask('/login')).status, 303);
    const ended = await ask('/login');
    t.equal(ended.status, 502);
    t.match(ended.body, /does not take you as signed in[\s\S]*knot integrations check echo/);
    t.equal((await ask('/login', other.cookie)).status, 303, 'of another sign-in nothing is known');
    for (let times = 0; times < 9; times += 1) t.equal((await ask('/')).status, 303, 'the start is no sign-in');
    clock.advance(31_000);
    t.equal((await ask('/login')).status, 303, 'later it is tried again');
  },
);
