import t from 'tap';
import { sendHttp2, sendRaw } from '../support/net/raw-client.ts';
import { openGateway } from './fixture.ts';

type Told = { status: number; type: string | undefined; body: string; location: string | undefined };

/** A form over each of the three ways a request reaches us: our own HTTP/1.1, Node's (a chunked body), and HTTP/2. */
async function ways(t: Parameters<typeof openGateway>[0], options?: Parameters<typeof openGateway>[1]) {
  const gateway = await openGateway(t, options);
  const { raw, port } = gateway;
  const h1 = async (method: string, path: string, fields: Record<string, string>, framing: string, body: string) => {
    const lines = Object.entries({ host: `echo.localhost:${port}`, ...fields }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const answer = await sendRaw(raw, `${method} ${path} HTTP/1.1\r\n${lines.join('')}${framing}\r\n\r\n${body}`);
    const { status, headers } = answer;
    return {
      status,
      type: headers.get('content-type')?.[0],
      body: answer.body,
      location: headers.get('location')?.[0],
    };
  };
  type Send = (method: string, path: string, fields: Record<string, string>) => Promise<Told>;
  const kinds: Record<string, Send> = {
    'own HTTP/1.1': (method, path, fields) => h1(method, path, fields, 'content-length: 3', 'a=1'),
    "Node's HTTP/1.1": (method, path, fields) =>
      h1(method, path, fields, 'transfer-encoding: chunked', '3\r\na=1\r\n0\r\n\r\n'),
    'HTTP/2': async (method, path, fields) => {
      const pseudo = { ':method': method, ':path': path, ':authority': `echo.localhost:${port}`, ':scheme': 'https' };
      const { status, headers, body } = await sendHttp2(raw, { ...pseudo, ...fields }, 'a=1');
      return { status, type: headers['content-type'], body, location: headers.location };
    },
  };
  return { gateway, kinds, origin: gateway.address.originOf('echo.localhost') };
}

const form = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'same-origin',
  accept: 'text/html,*/*;q=0.8',
  'content-type': 'application/x-www-form-urlencoded',
};
const linkOf = (body: string) => /<a class="button primary" href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&');

t.test('a form without a session is a page that says so and leads back by way of signing in', async (t) => {
  const { gateway, kinds, origin } = await ways(t);
  for (const [name, send] of Object.entries(kinds)) {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const told = await send(method, '/posted', { ...form, origin, referer: `${origin}/form?x=1&y=%2F` });
      t.equal(told.status, 401, `${method} over ${name}`);
      t.match(told.type, 'text/html');
      t.match(told.body, 'The form was not sent');
      t.equal(told.location, undefined, 'what it carries would be lost');
      const link = linkOf(told.body)!;
      t.equal(link, `/.knot/sign-in?to=${encodeURIComponent('/form?x=1&y=%2F')}`);
      const start = await sendRaw(
        gateway.raw,
        `GET ${link} HTTP/1.1\r\nHost: echo.localhost\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n`,
      );
      const to = new URL(start.headers.get('location')![0]!).searchParams.get('to');
      t.equal(to, `${origin}/form?x=1&y=%2F`);
    }
    // An old browser without Fetch Metadata.
    const old = await send('POST', '/posted', { accept: 'text/html', origin });
    t.match(old.type, 'text/html', name);
    const program = await send('POST', '/posted', { accept: '*/*' });
    t.match(program.type, 'json', `neighbour: a program over ${name}`);
    const script = await send('POST', '/posted', { ...form, 'sec-fetch-mode': 'cors' });
    t.match(script.type, 'json', `neighbour: a script that accepts HTML, over ${name}`);
  }
  t.equal(gateway.recorder.bytes(), '');
});

t.test('R1 only a page of the same host is gone back to', async (t) => {
  const { gateway, kinds, origin } = await ways(t);
  const send = kinds['own HTTP/1.1']!;
  for (const referer of [
    undefined,
    'https://evil.example/',
    `${origin}.evil.example/`,
    `${origin}@evil.example/`,
    `${gateway.address.originOf('open.localhost')}/x`,
    `${origin}//evil.example/`,
    `${origin}/a/../b`,
    origin,
    'javascript:alert(1)',
  ]) {
    const told = await send('POST', '/posted', { ...form, origin, ...(referer && { referer }) });
    t.equal(linkOf(told.body), '/.knot/sign-in?to=%2F', referer ?? 'none');
    t.match(told.body, 'start of the application', 'and it says where the way leads');
  }
  for (const to of ['', '?to=', '?to=//evil.example/', '?to=https://evil.example/', '?to=/.knot/callback', '?x']) {
    const answer = await sendRaw(
      gateway.raw,
      `GET /.knot/sign-in${to} HTTP/1.1\r\nHost: echo.localhost\r\nConnection: close\r\n\r\n`,
    );
    t.equal(answer.status, 404, to);
  }
});

t.test('with a session the way back simply goes on', async (t) => {
  const { gateway } = await ways(t);
  const { cookie } = await gateway.signIn();
  const answer = await sendRaw(
    gateway.raw,
    `GET /.knot/sign-in?to=%2Fform HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
  );
  t.strictSame(answer.headers.get('location'), ['/form']);
  t.notOk(answer.headers.has('set-cookie'));
});

t.test('a form of another site says why it did not arrive', async (t) => {
  const { kinds } = await ways(t);
  for (const [name, send] of Object.entries(kinds)) {
    const from = { ...form, origin: 'https://idp.example', referer: 'https://idp.example/' };
    const told = await send('POST', '/saml/acs', { ...from, 'sec-fetch-site': 'cross-site' });
    t.equal(told.status, 401, name);
    t.match(told.type, 'text/html');
    t.match(told.body, 'Another site sent this form');
    t.match(told.body, 'public path');
    t.notMatch(told.body, 'idp.example');
  }
});

t.test('every other refusal of a form is a page, too', async (t) => {
  const denied = await ways(t, {
    decide: () => ({ effect: 'deny', rules: [], policyVersion: 'v1', reason: 'forbid' }),
  });
  const { cookie } = await denied.gateway.signIn();
  for (const [name, send] of Object.entries(denied.kinds)) {
    const own = { ...form, cookie, origin: denied.origin, referer: `${denied.origin}/form` };
    const told = await send('POST', '/posted', own);
    t.match([told.status, told.type], [403, /text\/html/], `denied over ${name}`);
    const account = new URL(/href="([^"]+login\/account[^"]*)"/.exec(told.body)![1]!.replaceAll('&amp;', '&'));
    t.equal(
      account.searchParams.get('next'),
      `${denied.origin}/form`,
      'another account comes back to the page of the form',
    );
    const foreign = await send('POST', '/posted', {
      ...own,
      'sec-fetch-site': 'cross-site',
      origin: 'https://evil.example',
    });
    t.match([foreign.status, foreign.type], [403, /text\/html/], `cross-site over ${name}`);
    const elsewhere = await send('POST', '/posted', { ...form, host: 'nothing.localhost' }).catch(() => undefined);
    if (elsewhere && name !== 'HTTP/2')
      t.match([elsewhere.status, elsewhere.type], [404, /text\/html/], `unknown host over ${name}`);
    const broken = await send('POST', '/a/../b', form);
    t.match([broken.status, broken.type], [400, /text\/html/], `not canonical over ${name}`);
    const api = await send('POST', '/a/../b', { ...form, 'sec-fetch-mode': 'cors' });
    t.match(api.type, 'json', `neighbour: not canonical, by a script over ${name}`);
  }
  const gone = await ways(t, { route: (route) => ({ ...route, upstream: { ...route.upstream, port: 1 } }) });
  const session = await gone.gateway.signIn();
  for (const [name, send] of Object.entries(gone.kinds)) {
    const told = await send('POST', '/posted', { ...form, cookie: session.cookie, origin: gone.origin });
    t.match([told.status, told.type], [502, /text\/html/], `no upstream over ${name}`);
  }
});
