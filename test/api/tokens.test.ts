import type { AddressInfo } from 'node:net';
import t from 'tap';
import { request } from 'undici';
import { newTokenSecret } from '../../gateway/tokens/secret.ts';
import { type Call, openHouse } from './house.ts';

async function given() {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  const make = async (who: { cookie: string }, ...scopes: string[]) => {
    const answer = await house.call({
      method: 'POST',
      url: '/tokens',
      body: { name: 'ci', scopes },
      cookie: who.cookie,
    });
    t.equal(answer.status, 201, answer.text);
    const { secret, token } = answer.json as { secret: string; token: { id: string } };
    return { secret, id: token.id };
  };
  /** As a program would: no Origin, no cookie. */
  const by = (secret: string, call: Call) =>
    house.call({
      ...call,
      headers: { authorization: `Bearer ${secret}`, origin: '', 'sec-fetch-site': '', ...call.headers },
    });
  return { ...house, ann, bob, make, by };
}

t.test('a token stands for its person, within its scopes', async (t) => {
  const { bob, ann, make, by } = await given();
  const reads = await make(bob, 'account:read');
  t.match((await by(reads.secret, { url: '/me' })).json, { user: { username: 'bob' }, canAdminister: false });
  const refused = await by(reads.secret, { url: '/teams' });
  t.match(refused, { status: 403, json: { code: 'KNOT_API_TOKEN_SCOPE', message: /teams:read/ } });
  t.match(refused.headers, {
    'www-authenticate': 'Bearer realm="Knot", error="insufficient_scope", scope="teams:read"',
  });
  const teams = await make(bob, 'teams:write');
  t.equal((await by(teams.secret, { url: '/teams' })).status, 200, 'write includes read');
  t.match(await by(teams.secret, { url: '/me' }), { status: 403 });

  const ofAdmin = await make(ann, 'account:read', 'teams:write');
  t.match((await by(ofAdmin.secret, { url: '/me' })).json, { user: { username: 'ann' }, canAdminister: false });
  t.match(await by(ofAdmin.secret, { url: '/users' }), { status: 403, json: { message: /admin:read/ } });
  t.same(
    (await by(ofAdmin.secret, { url: '/teams' })).json,
    { teams: [], total: 0 },
    'and sees the teams of its person alone',
  );
  const admin = await make(ann, 'admin:read');
  t.equal((await by(admin.secret, { url: '/users' })).status, 200);
  const newUser = { username: 'eve', email: 'eve@example.org' };
  t.match(await by(admin.secret, { method: 'POST', url: '/users', body: newUser }), { status: 403 });
  const writes = await make(ann, 'admin:write');
  t.equal((await by(writes.secret, { method: 'POST', url: '/users', body: newUser })).status, 201);
  const ofBob = await make(bob, 'admin:write');
  t.match(
    await by(ofBob.secret, { url: '/users' }),
    { status: 403, json: { code: 'KNOT_API_DENIED' } },
    'a scope is no right',
  );
});

t.test('no token makes or sees tokens, ends sessions or changes a password', async (t) => {
  const { ann, make, by } = await given();
  const all = ['account', 'files', 'shares', 'teams', 'admin'].map((subject) => `${subject}:write`);
  const { secret, id } = await make(ann, ...all);
  for (const call of [
    { url: '/tokens' },
    { method: 'POST', url: '/tokens', body: { name: 'x', scopes: ['admin:write'] } },
    { method: 'DELETE', url: `/tokens/${id}` },
    { url: '/account/sessions' },
    { method: 'DELETE', url: '/account/sessions' },
    { method: 'PUT', url: '/account/password', body: { current: 'x', new: 'y' } },
    { url: '/account/connections' },
    { url: '/events' },
  ] as Call[]) {
    t.match(
      await by(secret, call),
      { status: 403, json: { code: 'KNOT_API_TOKEN_SCOPE', message: /No token/ } },
      call.url,
    );
  }
});

t.test('what is no valid token is nobody, whatever cookie comes with it', async (t) => {
  const { ann, bob, make, by, accounts, call } = await given();
  const { secret } = await make(bob, 'account:read');
  const wrong = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`;
  for (const [what, shown] of [
    ['a wrong checksum', wrong],
    ['one of nobody', newTokenSecret()],
    ['something else', 'abc'],
    ['an empty one', 'knot_pat_'],
  ] as const) {
    const answer = await by(shown, { url: '/me', cookie: ann.cookie });
    t.match(answer, { status: 401, json: { code: 'KNOT_API_TOKEN' } }, what);
    t.match(answer.headers, { 'www-authenticate': 'Bearer realm="Knot", error="invalid_token"' });
    t.notOk(answer.text.includes(shown) && shown.length > 9, 'it is not repeated');
  }
  const scheme = (authorization: string) => call({ url: '/me', headers: { authorization } });
  t.equal((await scheme(`bearer  ${secret}`)).status, 200, 'the scheme in any letter case');
  t.equal((await scheme(`Basic ${secret}`)).status, 401, 'another scheme is none');
  t.equal((await call({ url: '/me', headers: { 'x-api-key': secret } })).status, 401);
  t.match(await call({ url: `/me?access_token=${secret}`, cookie: bob.cookie }), {
    status: 400,
    json: { code: 'KNOT_API_TOKEN_IN_ADDRESS' },
  });
  t.match(await by(secret, { url: `/me?token=${secret}` }), { status: 400 }, 'also beside the right place');

  await accounts.setState(bob.id, 'disabled', { name: 'ann' });
  t.match(await by(secret, { url: '/me' }), { status: 401 }, 'of a person who is disabled');
  await accounts.setState(bob.id, 'active', { name: 'ann' });
  t.match(await by(secret, { url: '/me' }), { status: 401 }, 'and it does not come back');
});

t.test('a program of another site cannot use one, and a page cannot send one across', async (t) => {
  const { ann, make, by } = await given();
  const { secret } = await make(ann, 'admin:write');
  const call: Call = { method: 'POST', url: '/users', body: { username: 'eve', email: 'e@example.org' } };
  for (const headers of [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://jupyterhub.localhost:8443', 'sec-fetch-site': 'same-site' },
  ]) {
    t.match(await by(secret, { ...call, headers }), { status: 403, json: { code: 'KNOT_API_CROSS_SITE' } });
  }
});

t.test('tokens are listed with their last use, to nobody else, and end at once', async (t) => {
  const { bob, ann, make, by, call, clock, audit } = await given();
  const { secret, id } = await make(bob, 'account:read');
  clock.advance(1000);
  await by(secret, { url: '/me' });
  const listed = await call({ url: '/tokens', cookie: bob.cookie });
  t.match(listed.json, {
    tokens: [
      {
        id,
        name: 'ci',
        scopes: ['account:read'],
        lastUsedAt: clock.now(),
        lastUsedFrom: /127/,
        hint: secret.slice(-4),
      },
    ],
  });
  t.notOk(listed.text.includes(secret));
  t.notMatch(listed.text, /hash|userId/);
  t.same((await call({ url: '/tokens', cookie: ann.cookie })).json, { tokens: [] });
  const remove = (cookie: string) => call({ method: 'DELETE', url: `/tokens/${id}`, cookie });
  t.match(await remove(ann.cookie), { status: 404, json: { code: 'KNOT_TOKENS_NONE' } }, 'by nobody else');
  t.equal((await remove(bob.cookie)).status, 204);
  t.match(await by(secret, { url: '/me' }), { status: 401 });
  t.match((await audit.list({ limit: 1 }))[0], { action: 'token.revoked', actor: 'bob' });
});

t.test('the record says of each act that a token did it, and which', async (t) => {
  const house = await given();
  const { ann, bob, make, by, call, audit, accounts } = house;
  const { id: team } = await accounts.createTeam({ name: 'optics', title: 'Optics' }, { name: 'test' });
  await accounts.setMember(team, bob.id, 'manager', { name: 'test' });
  const program = await make(bob, 'files:write', 'shares:write', 'teams:write', 'account:write');
  const admins = await make(ann, 'admin:write', 'teams:write');
  const own = (more: Call) => by(program.secret, more);
  const admin = (more: Call) => by(admins.secret, more);
  const text = { 'content-type': 'text/plain' };
  const acts: [action: string, work: () => Promise<{ status: number; text: string }>][] = [
    ['files.written', () => own({ method: 'PUT', url: '/files/private/f', body: 'x', headers: text })],
    ['files.folder-made', () => own({ method: 'POST', url: '/files/private/d?op=mkdir', body: {} })],
    ['files.moved', () => own({ method: 'POST', url: '/files/private/f?op=move', body: { to: 'private/g' } })],
    ['files.copied', () => own({ method: 'POST', url: '/files/private/g?op=copy', body: { to: 'private/h' } })],
    ['files.trashed', () => own({ method: 'DELETE', url: '/files/private/g' })],
    ['user.created', () => admin({ method: 'POST', url: '/users', body: { username: 'eve', email: 'e@example.org' } })],
    ['team.created', () => admin({ method: 'POST', url: '/teams', body: { name: 'lasers', title: 'Lasers' } })],
    [
      'team.member-set',
      () => admin({ method: 'PUT', url: `/teams/${team}/members/${ann.id}`, body: { role: 'member' } }),
    ],
    ['plan.given', () => admin({ method: 'PUT', url: '/owners/bob/plan', body: { plan: 'large' } })],
  ];
  for (const [action, work] of acts) {
    const answer = await work();
    t.match(answer.status, /^20[01]$/, `${action}: ${answer.text}`);
    const line = (await audit.list({ limit: 3 })).find((one) => one.action === action);
    const { secret: _, ...token } = action.startsWith('files') ? program : admins;
    t.match(line, {
      action,
      actor: action.startsWith('files') ? 'bob' : 'ann',
      detail: { token: 'ci', tokenId: token.id },
    });
  }
  const before = (await audit.list({ limit: 1 }))[0]!.seq;
  const base64 = (value: string) => Buffer.from(value).toString('base64');
  await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as AddressInfo;
  const uploaded = await request(`http://127.0.0.1:${port}/api/v1/uploads`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${program.secret}`, 'tus-resumable': '1.0.0', 'upload-length': '4' },
      ...{ 'content-type': 'application/offset+octet-stream' },
      'upload-metadata': `area ${base64('private')},path ${base64('big')}`,
    },
    body: 'data',
  });
  t.equal(uploaded.statusCode, 201, await uploaded.body.text());
  const [upload] = await audit.list({ limit: 1 });
  t.match(upload, { seq: before + 1, action: 'files.written', actor: 'bob', detail: { tokenId: program.id } });

  await call({ method: 'POST', url: '/files/private/e?op=mkdir', body: {}, cookie: bob.cookie });
  const [line] = await audit.list({ limit: 1 });
  t.match(line, { action: 'files.folder-made', actor: 'bob' });
  t.notOk(line!.detail?.['token'], 'and nothing of what the person did in a browser');
});
