import t from 'tap';
import { type Call, openHouse, secrets } from './house.ts';

/** Who may call what: the whole API as data. `ID` stands for a user, a team, … that does not exist. */
type Row = Call & { access: 'person' | 'admin'; ok?: number };
const id = '00000000-0000-4000-8000-000000000000';
const rows: Row[] = [
  { url: '/me', access: 'person' },
  { url: '/tiles', access: 'person' },
  { method: 'POST', url: '/tiles/jupyterhub/stop', body: {}, access: 'person', ok: 404 },
  { url: '/account/sessions', access: 'person' },
  { method: 'DELETE', url: `/account/sessions/${id}`, access: 'person', ok: 404 },
  { method: 'DELETE', url: '/account/sessions', access: 'person' },
  { method: 'PUT', url: '/account/password', body: { current: 'x', new: 'y' }, access: 'person', ok: 403 },
  { url: '/account/connections', access: 'person' },
  { method: 'DELETE', url: `/account/connections/${id}`, access: 'person', ok: 404 },
  { url: '/users', access: 'admin' },
  { url: `/users/${id}`, access: 'admin', ok: 404 },
  { method: 'POST', url: '/users', body: { username: 'dora', email: 'dora@example.org' }, access: 'admin', ok: 201 },
  { method: 'PATCH', url: `/users/${id}`, body: { state: 'disabled' }, access: 'admin', ok: 404 },
  { method: 'DELETE', url: `/users/${id}`, access: 'admin', ok: 404 },
  { method: 'POST', url: `/users/${id}/reset-links`, access: 'admin', ok: 404 },
  { url: `/users/${id}/access`, access: 'admin', ok: 404 },
  { url: `/users/${id}/sessions`, access: 'admin', ok: 404 },
  { method: 'DELETE', url: `/users/${id}/sessions`, access: 'admin', ok: 404 },
  { method: 'DELETE', url: `/users/${id}/sessions/${id}`, access: 'admin', ok: 404 },
  { url: `/users/${id}/connections`, access: 'admin', ok: 404 },
  { method: 'DELETE', url: `/users/${id}/connections/${id}`, access: 'admin', ok: 404 },
  { url: '/clients', access: 'admin' },
  { url: `/clients/${id}`, access: 'admin', ok: 404 },
  {
    method: 'POST',
    url: '/clients',
    body: { name: 'wiki', redirectUris: ['https://w.example/'] },
    access: 'admin',
    ok: 201,
  },
  { method: 'PATCH', url: `/clients/${id}`, body: { name: 'x' }, access: 'admin', ok: 404 },
  { method: 'POST', url: `/clients/${id}/secrets`, body: {}, access: 'admin', ok: 404 },
  { method: 'DELETE', url: `/clients/${id}`, access: 'admin', ok: 404 },
  { url: '/invitations', access: 'admin' },
  { method: 'POST', url: '/invitations', body: {}, access: 'admin', ok: 201 },
  { method: 'DELETE', url: `/invitations/${id}`, access: 'admin', ok: 404 },
  { url: '/teams', access: 'person' },
  { url: `/teams/${id}`, access: 'person', ok: 404 },
  { url: `/teams/${id}/members`, access: 'person', ok: 404 },
  { url: '/owners', access: 'person' },
  { url: '/people?q=eve', access: 'person' },
  { url: '/kubernetes', access: 'person', ok: 404 },
  { url: '/images', access: 'person', ok: 404 },
  { method: 'POST', url: '/images/cli-secret', body: {}, access: 'person', ok: 404 },
  { url: '/images/docker-login', access: 'person', ok: 404 },
  { method: 'PUT', url: '/images/docker-login', access: 'person', ok: 404 },
  { method: 'DELETE', url: '/images/docker-login', access: 'person', ok: 404 },
  { url: '/metrics/usage', access: 'person' },
  ...['', '/prometheus/api/v1'].flatMap((below): Row[] => [
    { url: `/metrics${below}/label/pod/values`, access: 'person', ok: 404 },
    ...['query', 'query_range', 'query_exemplars', 'series', 'labels'].flatMap((name): Row[] => [
      { url: `/metrics${below}/${name}`, access: 'person', ok: 404 },
      { method: 'POST', url: `/metrics${below}/${name}`, body: {}, access: 'person', ok: 404 },
    ]),
  ]),
  { url: '/workflows', access: 'person', ok: 404 },
  { method: 'POST', url: `/workflows/${id}/stop`, body: {}, access: 'person', ok: 404 },
  { method: 'POST', url: `/workflows/${id}/resubmit`, body: {}, access: 'person', ok: 404 },
  { url: '/provisioning', access: 'admin', ok: 404 },
  { url: `/provisioning/${id}/${id}`, access: 'person', ok: 400 },
  { method: 'POST', url: `/provisioning/${id}/${id}/run`, access: 'admin', ok: 400 },
  { url: '/plans', access: 'admin' },
  { url: '/plans/owners', access: 'admin' },
  { url: `/owners/${id}/files`, access: 'admin', ok: 404 },
  { method: 'DELETE', url: `/owners/${id}/files`, access: 'admin', ok: 404 },
  { url: `/owners/${id}/plan`, access: 'admin', ok: 404 },
  { method: 'PUT', url: `/owners/${id}/plan`, body: { plan: null }, access: 'admin', ok: 404 },
  { url: '/templates', access: 'person' },
  { url: `/templates/${id}`, access: 'person', ok: 404 },
  { url: `/templates/${id}/${id}`, access: 'person', ok: 404 },
  { url: `/template-pictures/${id}`, access: 'person', ok: 404 },
  { url: `/template-pictures/${id}/${id}`, access: 'person', ok: 404 },
  { url: '/services', access: 'person' },
  { url: '/sizes', access: 'person' },
  { method: 'POST', url: '/services', body: { template: 'none', name: 'a', values: {} }, access: 'person', ok: 422 },
  { url: `/services/${id}`, access: 'person', ok: 404 },
  { method: 'PATCH', url: `/services/${id}`, body: { values: {} }, access: 'person', ok: 404 },
  { method: 'DELETE', url: `/services/${id}`, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/start`, body: {}, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/stop`, body: {}, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/wake`, body: {}, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/extend`, body: { hours: 1 }, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/upgrade`, body: {}, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/rollback`, body: {}, access: 'person', ok: 404 },
  { url: `/services/${id}/form`, access: 'person', ok: 404 },
  { url: `/services/${id}/revisions`, access: 'person', ok: 404 },
  { url: `/services/${id}/events`, access: 'person', ok: 404 },
  { url: '/services/shared', access: 'person' },
  { url: `/services/${id}/shares`, access: 'person', ok: 404 },
  { method: 'POST', url: `/services/${id}/shares`, body: { with: 'guest', right: 'view' }, access: 'person', ok: 404 },
  { method: 'PATCH', url: `/services/${id}/shares/${id}`, body: { expiresAt: null }, access: 'person', ok: 404 },
  { method: 'DELETE', url: `/services/${id}/shares/${id}`, access: 'person', ok: 404 },
  { method: 'PUT', url: `/services/${id}/shares/${id}`, body: { share: id }, access: 'person', ok: 404 },
  { url: `/services/${id}/logs`, access: 'person', ok: 404 },
  { url: `/services/${id}/metrics`, access: 'person', ok: 404 },
  { url: `/services/${id}/logs.txt`, access: 'person', ok: 404 },
  { url: `/services/${id}/terminal?columns=80&rows=24`, access: 'person', ok: 404 },
  { url: '/shares', access: 'person' },
  {
    method: 'POST',
    url: '/shares',
    body: { area: 'private', with: 'user:eve', right: 'view' },
    access: 'person',
    ok: 201,
  },
  { method: 'DELETE', url: `/shares/${id}`, access: 'person', ok: 404 },
  { method: 'PATCH', url: `/shares/${id}`, body: { expiresAt: null }, access: 'person', ok: 404 },
  { method: 'PUT', url: `/shares/${id}`, body: { share: id }, access: 'person', ok: 404 },
  { url: '/tokens', access: 'person' },
  { method: 'POST', url: '/tokens', body: { name: 'x', scopes: ['account:read'] }, access: 'person', ok: 201 },
  { method: 'DELETE', url: `/tokens/${id}`, access: 'person', ok: 404 },
  { method: 'POST', url: '/teams', body: { name: 'physics', title: 'Physics' }, access: 'admin', ok: 201 },
  { method: 'DELETE', url: `/teams/${id}`, access: 'admin', ok: 404 },
  { method: 'PUT', url: `/teams/${id}/members/${id}`, body: { role: 'member' }, access: 'person', ok: 404 },
  { method: 'DELETE', url: `/teams/${id}/members/${id}`, access: 'person', ok: 404 },
  { url: '/policies', access: 'admin' },
  {
    method: 'POST',
    url: '/policies/explanations',
    body: { as: 'bob', method: 'GET', url: 'https://vault.localhost:8443/' },
    access: 'admin',
  },
  { url: `/policies/refusals/${id}`, access: 'admin', ok: 404 },
  { url: '/audit', access: 'admin' },
  { url: '/audit.csv', access: 'admin' },
  { url: '/audit/verification', access: 'admin' },
  { url: '/health', access: 'admin' },
  { url: '/integrations/jupyterhub', access: 'admin' },
  { url: '/areas', access: 'person' },
  { url: '/files/private', access: 'person' },
  { method: 'PUT', url: '/files/private/none/f', body: {}, access: 'person', ok: 404 },
  { method: 'POST', url: '/files/private/none/f?op=mkdir', body: {}, access: 'person', ok: 404 },
  { method: 'DELETE', url: '/files/private/none', access: 'person', ok: 404 },
];
/** Of the tus protocol, whose answers are not JSON (test/api/uploads.test.ts), and what goes with a GET. */
const uploads = [
  'POST /api/v1/uploads',
  'PATCH /api/v1/uploads/:',
  'DELETE /api/v1/uploads/:',
  'HEAD /api/v1/uploads/:',
  'HEAD /api/v1/files/{*}',
];

/** Programs that know Prometheus' own API are answered in its words, which have no code. */
const said = ({ url }: Call, code: string) =>
  url.startsWith('/metrics/prometheus/') ? { status: 'error', error: String } : { code };

const isMutation = ({ method = 'GET' }: Call) => method !== 'GET';

t.test('guest, user and admin: each route answers exactly whom it should, and never a secret', async (t) => {
  const house = await openHouse(t);
  const user = await house.person('bob');
  const admin = await house.person('ann', { isAdmin: true });
  await house.person('eve');
  for (const { access, ok = 200, ...call } of rows) {
    const title = `${call.method ?? 'GET'} ${call.url}`;
    const guest = await house.call(call);
    t.match(guest, { status: 401, json: said(call, 'KNOT_API_SIGN_IN') }, `${title}: guest`);
    const asUser = await house.call({ ...call, cookie: user.cookie });
    if (access === 'admin') {
      t.match(
        asUser,
        { status: 403, json: { code: 'KNOT_API_DENIED', details: { decisionId: /^[\da-z]{16}$/ } } },
        `${title}: user`,
      );
    } else {
      t.equal(asUser.status, ok, `${title}: user`);
    }
    const asAdmin = await house.call({ ...call, cookie: admin.cookie });
    t.equal(asAdmin.status, ok, `${title}: admin ${asAdmin.text.slice(0, 200)}`);
    for (const { text, headers } of [guest, asUser, asAdmin]) {
      const cookieValue = admin.cookie.split('=')[1] ?? '?';
      t.notOk(
        [secrets.client, secrets.password, '$argon2', cookieValue, 'secret_hash', 'password_hash'].some((word) =>
          text.includes(word),
        ),
        `${title}: no secret`,
      );
      t.match(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    }
  }
  t.same(house.logged, [], 'nothing failed inside');
});

t.test('every route of the API stands in the table above', async (t) => {
  const house = await openHouse(t);
  const { paths } = (await house.call({ url: '/openapi.json' })).json as {
    paths: Record<string, Record<string, unknown>>;
  };
  const published = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, ':')}`),
  );
  const known = rows.map(
    ({ method = 'GET', url }) =>
      `${method} /api/v1${url
        .replaceAll(id, ':')
        .replace('/label/pod/', '/label/:/')
        .replace('jupyterhub', ':')
        .replace(/^\/files\/.*/, '/files/{*}')
        .replace(/\?.*/, '')}`,
  );
  t.same(published.sort(), [...known, ...uploads, 'GET /api/v1/events'].sort());
});

t.test('another site can neither change nor read anything', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const foreign: [string, Record<string, string>][] = [
    ['another origin', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['another origin of an old browser', { origin: 'https://evil.example', 'sec-fetch-site': '' }],
    ['a tool on a sibling host', { origin: 'https://jupyterhub.localhost:8443', 'sec-fetch-site': 'same-site' }],
    ['an opaque origin', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['another port', { origin: 'https://localhost:9999', 'sec-fetch-site': 'same-site' }],
    ['a relation nobody knows', { origin: 'https://localhost:8443', 'sec-fetch-site': 'Same-Origin' }],
    ['no origin, cross-site', { origin: '', 'sec-fetch-site': 'cross-site' }],
  ];
  for (const { access: _access, ok: _ok, ...call } of rows) {
    for (const [title, headers] of foreign) {
      if (!isMutation(call) && headers['sec-fetch-site'] === '') continue;
      const answer = await house.call({ ...call, cookie, headers });
      t.match(
        answer,
        { status: 403, json: said(call, 'KNOT_API_CROSS_SITE') },
        `${call.method ?? 'GET'} ${call.url}: ${title}`,
      );
    }
  }
  t.equal((await house.accounts.listUsers({})).total, 1);
  t.match(await house.call({ url: '/me', cookie, headers: { 'sec-fetch-site': 'none' } }), { status: 200 });
});

t.test('a form of another site cannot smuggle JSON in as text', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const body = '{"username":"eve","email":"eve@example.org","isAdmin":true}';
    const answer = await house.call({ method: 'POST', url: '/users', cookie, body, headers: { 'content-type': type } });
    t.match(answer, { status: 415 }, type);
  }
});

t.test('bad input is named, its value is not repeated', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const cases: [Call, number, RegExp][] = [
    [
      { method: 'POST', url: '/users', body: { username: 'eve', email: 'e@example.org', state: 'active' } },
      400,
      /state is not known/,
    ],
    [{ method: 'POST', url: '/users', body: { username: 'eve' } }, 400, /email is missing/],
    [{ method: 'POST', url: '/users', body: { username: 7, email: 'e@example.org' } }, 400, /username must be string/],
    [{ method: 'POST', url: '/users', body: { username: 'Eve!', email: 'e@example.org' } }, 400, /letter/],
    [{ method: 'POST', url: '/users', body: '{"username":' }, 400, /JSON/],
    [{ method: 'POST', url: '/users', body: '[]' }, 400, /object/],
    [{ method: 'POST', url: '/users', body: `{"username":"${'x'.repeat(70_000)}"}` }, 413, /large/],
    [{ method: 'PATCH', url: `/users/${id}`, body: {} }, 400, /body/],
    [{ method: 'PATCH', url: `/users/${id}`, body: { state: 'pending' } }, 400, /undo/],
    [{ method: 'PATCH', url: `/users/${id}`, body: { isAdmin: 'true' } }, 400, /isAdmin/],
    [
      { method: 'PUT', url: '/account/password', body: { current: 'x', new: 'y', userId: id } },
      400,
      /userId is not known/,
    ],
    [{ url: '/users?limit=0' }, 400, /limit/],
    [{ url: '/users?limit=9999' }, 400, /limit/],
    [{ url: '/users?limit=ten' }, 400, /limit/],
    [{ url: '/users?state=gone' }, 400, /state/],
    [{ url: '/users?sort=passwordHash' }, 400, /sort/],
    [{ url: '/users?offset=3' }, 400, /offset is not known/],
    [{ url: '/users?page=0' }, 400, /page/],
    [{ url: '/users?q=a&q=b' }, 400, /q/],
    [{ url: '/teams?state=active' }, 400, /state is not known/],
    [{ url: '/audit?from=yesterday' }, 400, /from/],
    [{ url: '/audit.csv?before=3' }, 400, /before is not known/],
    [{ url: '/audit?before=-1' }, 400, /before/],
    [{ url: '/nothing' }, 404, /does not exist/],
    [{ method: 'PUT', url: '/users', body: {} }, 404, /does not exist/],
  ];
  for (const [call, status, message] of cases) {
    const answer = await house.call({ ...call, cookie });
    t.match(
      answer,
      { status, json: { statusCode: status, code: /^(KNOT|FST)_/, message, requestId: /./ } },
      `${call.method ?? 'GET'} ${call.url} ${status}`,
    );
  }
  const typed = await house.call({
    method: 'PUT',
    url: '/account/password',
    body: { current: 5, new: 'my-new-secret', x: 1 },
    cookie,
  });
  t.notMatch(typed.text, /my-new-secret/);
  t.match(await house.call({ url: '/users?__proto__=1', cookie }), { status: 400 });
});

t.test('an error inside leaves as an id only', async (t) => {
  const house = await openHouse(t, {
    health: async () => {
      throw new Error('cannot reach 10.0.0.7 with password hunter2');
    },
  });
  const { cookie } = await house.person('ann', { isAdmin: true });
  const answer = await house.call({ url: '/health', cookie });
  t.match(answer, { status: 500, json: { code: 'KNOT_INTERNAL', requestId: /./ } });
  t.notMatch(answer.text, /10\.0\.0\.7|hunter2|stack|at /);
  t.equal(house.logged.length, 1, 'the log has it');
});

t.test('what a module adds by mistake does not leave', async (t) => {
  const house = await openHouse(t, {
    health: async () => [
      { name: 'store', status: 'ok', message: 'It answers.', url: 'postgres://knot:hunter2@db' } as never,
    ],
  });
  const { cookie } = await house.person('ann', { isAdmin: true });
  const { json } = await house.call({ url: '/health', cookie });
  t.same(json['components'], [{ name: 'store', status: 'ok', message: 'It answers.' }]);
});

t.test('the document is OpenAPI 3.1 and names schemas, access and errors', async (t) => {
  const house = await openHouse(t);
  const { status, json } = await house.call({ url: '/openapi.json' });
  t.equal(status, 200);
  t.match(json, { openapi: '3.1.0', info: { title: 'Knot', version: '9.9.9' } });
  const { paths } = json as {
    paths: Record<string, Record<string, { summary: string; responses: Record<string, unknown> }>>;
  };
  t.match(paths['/api/v1/users']?.['post'], { summary: /./, requestBody: {}, responses: { 201: {}, default: {} } });
});
