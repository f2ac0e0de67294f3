import t from 'tap';
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
