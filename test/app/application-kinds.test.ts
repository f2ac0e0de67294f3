import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import { openHouse } from '../attacks/house.ts';
import { startByteRecorder } from '../support/net/byte-recorder.ts';
import { sendRaw } from '../support/net/raw-client.ts';

t.setTimeout(120_000);

/** Applications that learn who asks in every way there is, in front of one upstream that keeps the bytes. */
const upstream = await startByteRecorder();
t.teardown(() => upstream.close());
const at = { upstream: `http://127.0.0.1:${upstream.port}` };
const tokenFile = join(t.testdir({}), 'token');
writeFileSync(tokenFile, 'secret-of-everybody-0123456789\n');
const house = await openHouse(t, {
  apps: [
    { name: 'oidcapp', kind: 'oidc', redirectPaths: ['/oauth2/callback'], ...at },
    {
      name: 'headerapp',
      kind: 'header',
      identityFields: { user: 'X-WEBAUTH-USER', email: 'X-WEBAUTH-EMAIL', groups: 'X-WEBAUTH-GROUPS' },
      publicPaths: ['/open/'],
      withheldCookies: ['app_session'],
      ...at,
    },
    { name: 'jwtapp', kind: 'jwt', ...at },
    { name: 'bearerapp', kind: 'jwt', tokenField: 'Authorization', ...at },
    { name: 'tokenapp', kind: 'token', token: { fromFile: tokenFile }, ...at },
  ],
});
const { gateway, ann, raw } = house;

t.beforeEach(() => upstream.reset());

/** What the upstream heard of one request of ann's. */
async function told(name: string, fields = '', path = '/x') {
  const host = `${name}.localhost:${gateway.port}`;
  const cookie = await house.cookieOf(ann, `${name}.localhost`);
  upstream.reset();
  const answer = await sendRaw(
    raw,
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}; app_session=of-admin; other=1\r\n${fields}Connection: close\r\n\r\n`,
  );
  t.equal(answer.status, 200, `${name}: ${answer.body.slice(0, 200)}`);
  return upstream.requests.at(-1)!.headers;
}

t.test('header: the fields it knows name the person, and nobody else can send them', async (t) => {
  const forged = 'X-WEBAUTH-USER: admin\r\nx-webauth-Groups: knot-admins\r\nX-Webauth-Email: a@b\r\nX-Other: 1\r\n';
  const headers = await told('headerapp', forged);
  t.strictSame(headers.get('x-webauth-user'), ['ann']);
  t.strictSame(headers.get('x-webauth-email'), ['ann@example.org']);
  t.strictSame(headers.get('x-webauth-groups'), ['knot-admins,knot:user:ann']);
  t.strictSame(headers.get('x-other'), ['1']);
  t.strictSame(headers.get('cookie'), ['other=1'], 'its own sign-in would outrank what Knot says');
  t.notOk(headers.has('x-knot-user') || headers.has('x-knot-assertion'), 'it is told once');

  const host = `headerapp.localhost:${gateway.port}`;
  upstream.reset();
  const open = await sendRaw(raw, `GET /open/x HTTP/1.1\r\nHost: ${host}\r\n${forged}Connection: close\r\n\r\n`);
  t.equal(open.status, 200);
  t.notMatch(upstream.bytes(), /webauth/i, 'nor where nobody is asked for');
});

t.test('header: a cookie of its own sign-in never reaches the browser', async (t) => {
  upstream.answerWith(
    () =>
      'HTTP/1.1 200 OK\r\nset-cookie: app_session=1; Path=/\r\nset-cookie: theme=dark\r\ncontent-length: 2\r\n\r\nok',
  );
  const host = `headerapp.localhost:${gateway.port}`;
  const cookie = await house.cookieOf(ann, 'headerapp.localhost');
  const answer = await sendRaw(
    raw,
    `GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
  );
  t.strictSame(answer.headers.get('set-cookie'), ['theme=dark']);
  upstream.answerWith(() => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
});

t.test('jwt: a signed token for this host alone, in the field it reads', async (t) => {
  const headers = await told('jwtapp', 'X-JWT-Assertion: forged\r\n');
  const [token, ...others] = headers.get('x-jwt-assertion')!;
  t.strictSame(others, []);
  const keys = (await ann.visit(`${gateway.origin}/.well-known/jwks.json`)).json<JSONWebKeySet>();
  const { payload } = await jwtVerify(token!, createLocalJWKSet(keys), {
    issuer: gateway.origin,
    audience: 'jwtapp.localhost',
  });
  t.match(payload, { preferred_username: 'ann', groups: ['knot-admins', 'knot:user:ann'] });
  const bearer = await told('bearerapp', 'Authorization: Bearer forged\r\n');
  const shown = bearer.get('authorization')!;
  t.equal(shown.length, 1);
  t.equal(decodeJwt(shown[0]!.replace('Bearer ', ''))['aud'], 'bearerapp.localhost');
});

t.test('token: one secret for everybody, whom the policies let in', async (t) => {
  const headers = await told('tokenapp', 'Authorization: Bearer mine\r\n');
  t.strictSame(headers.get('authorization'), ['Bearer secret-of-everybody-0123456789']);
  t.notOk([...headers.keys()].some((name) => name.startsWith('x-knot-')));
  const host = `tokenapp.localhost:${gateway.port}`;
  upstream.reset();
  const nobody = await sendRaw(raw, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  t.equal(nobody.status, 401);
  t.equal(upstream.requests.length, 0);
});

t.test('oidc: a client of the provider, whose facts are printed for the operator', async (t) => {
  const shown = await gateway.knot(['integrations', 'show', 'oidcapp']);
  t.equal(shown.status, 0, shown.stderr);
  const secret = /client secret: (\S{20,})/.exec(shown.stdout)?.[1];
  t.ok(secret, shown.stdout);
  const redirect = `https://oidcapp.localhost:${gateway.port}/oauth2/callback`;
  t.match(shown.stdout, /redirect: https:\/\/oidcapp\.localhost:\d+\/oauth2\/callback\n/);
  const asked = new URL(`${gateway.origin}/oidc/auth`);
  asked.search = new URLSearchParams({
    client_id: 'oidcapp',
    redirect_uri: redirect,
    response_type: 'code',
    scope: 'openid profile groups',
    state: 'some-state-of-mine',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString();
  const back = await ann.visit(asked.href);
  const code = upstream.requests.find(({ target }) => target.startsWith('/oauth2/callback?code='));
  t.ok(code, `${back.status} ${back.url}`);
  t.ok((await told('oidcapp')).has('x-knot-assertion'), 'it may believe Knot as any application');
});

t.test('the tools of a configuration are listed; an unknown one is told with those', async (t) => {
  const listed = await gateway.knot(['integrations', 'list', '--json']);
  t.equal(listed.status, 0, listed.stderr);
  t.strictSame(
    (JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name),
    ['oidcapp', 'headerapp', 'jwtapp', 'bearerapp', 'tokenapp'],
  );
  const unknown = await gateway.knot(['integrations', 'show', 'grafana']);
  t.equal(unknown.status, 1);
  t.match(unknown.stderr, /oidcapp, headerapp/);
  for (const name of ['headerapp', 'jwtapp', 'tokenapp']) {
    const { stdout } = await gateway.knot(['integrations', 'show', name]);
    t.notMatch(stdout, 'secret-of-everybody');
    t.match(stdout, /X-WEBAUTH-USER|X-JWT-Assertion|Authorization/);
  }
});

t.test('the tiles of all of them are there', async (t) => {
  const { tiles } = (await ann.api('GET', '/tiles')).json<{ tiles: { name: string; kind: string }[] }>();
  t.strictSame(
    tiles.map(({ name, kind }) => `${name} ${kind}`),
    ['oidcapp', 'headerapp', 'jwtapp', 'bearerapp', 'tokenapp'].map((name) => `${name} integration`).concat('echo app'),
  );
});
