import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import t from 'tap';
import { createAudit } from '../../gateway/audit/index.ts';
import { hashSecret, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createClients } from '../../gateway/oidc/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';
import { eventually } from '../support/eventually.ts';

async function open(test: Teardown, url = 'sqlite::memory:') {
  const store = await openStore({ url, clock: systemClock, log: silentLog });
  test.teardown(() => store.close());
  const audit = createAudit({ store, clock: systemClock });
  return { store, audit, clients: createClients({ store, clock: systemClock, record: audit.record }) };
}

t.test('a client is added with a secret that is shown once and stored hashed', async (t) => {
  const { store, audit, clients } = await open(t);
  const added = await clients.add({ name: 'My App', redirectUris: ['https://app.example/cb'], isPublic: false });
  t.equal(added.clientId, 'my-app');
  t.match(added.clientSecret, /^[\w-]{43}$/);
  const row = await store.db.selectFrom('oidc_clients').selectAll().executeTakeFirstOrThrow();
  t.notMatch(JSON.stringify(row), added.clientSecret!);
  t.match(row.metadata, hashSecret(added.clientSecret!));
  t.match(await clients.list(), [
    { clientId: 'my-app', name: 'My App', origin: 'cli', isPublic: false, firstParty: false },
  ]);
  t.notMatch(JSON.stringify(await clients.list()), hashSecret(added.clientSecret!));
  t.match(await audit.list({}), [{ action: 'client.added', actor: 'cli', subject: 'client:my-app', outcome: 'done' }]);
});

t.test('a public client has no secret', async (t) => {
  const { clients } = await open(t);
  t.same(await clients.add({ name: 'tool', redirectUris: ['http://127.0.0.1/cb'], isPublic: true }), {
    clientId: 'tool',
  });
});

t.test('addresses that could carry a code to somebody else are refused', async (t) => {
  const { clients } = await open(t);
  const must = [
    'https://a.example/cb',
    'https://a.example:8443/cb?x=1',
    'http://localhost:8000/',
    'http://127.0.0.1:1/cb',
    'http://[::1]/cb',
  ];
  const mustNot = [
    'http://a.example/cb',
    'https://a.example/cb#x',
    'https://user@a.example/cb',
    'https://*.example/cb',
    '/cb',
    'a.example/cb',
    'javascript:alert(1)',
    'data:text/html,x',
    'com.example.app:/cb',
    'http://localhost.evil.example/cb',
    '',
  ];
  for (const [index, uri] of must.entries()) {
    await t.resolves(clients.add({ name: `good${index}`, redirectUris: [uri], isPublic: false }), uri);
  }
  for (const uri of mustNot) {
    const failure: unknown = await clients
      .add({ name: 'bad', redirectUris: [uri], isPublic: false })
      .catch((e: unknown) => e);
    t.match(failure, { code: 'KNOT_OIDC_REDIRECT_URI', statusCode: 400 }, JSON.stringify(uri));
  }
  await t.resolves(
    clients.add({ name: 'phone', redirectUris: ['com.example.app:/cb'], isPublic: true }),
    'private scheme of a public client',
  );
});

t.test('names: taken, empty and endless ones are refused', async (t) => {
  const { clients } = await open(t);
  const add = (name: string): Promise<unknown> =>
    clients.add({ name, redirectUris: ['https://a.example/cb'], isPublic: false }).catch((error: unknown) => error);
  await add('app');
  t.match(await add('app'), { code: 'KNOT_OIDC_CLIENT_EXISTS', statusCode: 409 });
  t.match(await add(''), { code: 'KNOT_OIDC_CLIENT_NAME' });
  t.match(await add('***'), { code: 'KNOT_OIDC_CLIENT_NAME' });
  t.match(await add('a'.repeat(81)), { code: 'KNOT_OIDC_CLIENT_NAME' });
  for (const name of ['two\nlines', 'red \u001b[31m', 'Bank \u202egnp.exe', 'a\u2066b'])
    t.match(await add(name), { code: 'KNOT_OIDC_CLIENT_NAME' }, JSON.stringify(name));
  t.match(await add('Génomique & co 漢字'), { clientId: 'g-nomique-co' });
});

t.test('a client is removed with everything it was given, or not at all', async (t) => {
  const { store, clients } = await open(t);
  await clients.add({ name: 'app', redirectUris: ['https://a.example/cb'], isPublic: false });
  const grant = { model: 'Grant', id: 'grant', payload: JSON.stringify({ clientId: 'app' }) };
  await store.db
    .insertInto('oidc_records')
    .values({ ...grant, expires_at: null })
    .execute();
  await sql`create trigger full_disk before delete on oidc_records begin select raise(abort, 'disk full'); end`.execute(
    store.db,
  );
  await t.rejects(clients.remove('app'));
  t.match(
    await clients.get('app'),
    { clientId: 'app' },
    'else whoever registers the id again would inherit what is left',
  );
  await sql`drop trigger full_disk`.execute(store.db);
  await clients.remove('app');
  t.same(await store.db.selectFrom('oidc_records').selectAll().execute(), []);
});

t.test('what configuration brings follows it, and cannot be removed by hand', async (t) => {
  const { store, clients } = await open(t);
  const wiki = { clientId: 'wiki', name: 'Wiki', secret: 's1', redirectUris: ['https://wiki.example/cb'] };
  let heard = 0;
  store.onChange('clients', () => heard++);
  await clients.reconcile('config', [wiki]);
  t.equal(heard, 1);
  await clients.reconcile('config', [wiki]);
  t.equal(heard, 1, 'no change, no announcement');
  const failure: unknown = await clients.remove('wiki').catch((error: unknown) => error);
  t.match(failure, { code: 'KNOT_OIDC_CLIENT_FIXED' });
  await clients.reconcile('integration', []);
  t.equal((await clients.list()).length, 1, 'each origin is on its own');
  await clients.reconcile('config', [{ ...wiki, secret: 's2' }]);
  t.equal(heard, 2, 'a new secret is a change');
  await clients.reconcile('config', []);
  t.same(await clients.list(), []);
  const unknown: unknown = await clients.remove('wiki').catch((error: unknown) => error);
  t.match(unknown, { code: 'KNOT_OIDC_CLIENT_UNKNOWN', statusCode: 404 });
});

t.test('what another process adds and removes is in force without a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-clients-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const url = `sqlite:${join(folder, 'knot.db')}`;
  const other = await open(t, url);
  const house = await openHouse(t, { store: await openStore({ url, clock: systemClock, log: silentLog }) });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const redirectUri = 'https://late.example/cb';
  const party = createRelyingParty(house, { id: 'late', redirectUri });
  t.equal((await party.authorize(browser)).status, 400, 'unknown yet');
  await other.clients.add({ name: 'late', redirectUris: [redirectUri], isPublic: true, firstParty: true });
  const tokens = await party.tokens(browser);
  t.equal((await party.userinfo(tokens.access_token!)).status, 200);
  await other.clients.remove('late');
  await eventually('the token is refused', async () => (await party.userinfo(tokens.access_token!)).status === 401);
  await eventually('the client is unknown', async () => (await party.authorize(browser)).status === 400);
  await other.clients.add({ name: 'late', redirectUris: [redirectUri], isPublic: true, firstParty: true });
  t.equal(
    (await party.userinfo(tokens.access_token!)).status,
    401,
    'a new client of the same name gets nothing of the old',
  );
});

t.test('everything that is wrong with a client is told at once, at its field', async (t) => {
  const { clients } = await open(t);
  const failure = await clients
    .add({
      name: ' ',
      clientId: 'white space',
      redirectUris: ['http://a.example/cb', 'https://a.example/*'],
      postLogoutRedirectUris: ['/x'],
      backchannelLogoutUri: 'ftp://a.example',
      allowedGroups: ['two words'],
      isPublic: false,
      secret: 'short',
    })
    .catch((error: unknown) => error);
  t.match(failure, { code: 'KNOT_OIDC_CLIENT_INPUT', statusCode: 400 });
  const { problems } = (failure as { details: { problems: { field: string }[] } }).details;
  t.same(
    problems.map(({ field }) => field),
    ['name', 'clientId', 'redirectUris', 'postLogoutRedirectUris', 'backchannelLogoutUri', 'allowedGroups', 'secret'],
  );
  t.notMatch(JSON.stringify(failure), 'short');
  for (const secret of ['passé-with-accent-é', 'a\tb-0123456789abcdef', 'x'.repeat(2000)]) {
    const client = { name: 'b', redirectUris: ['https://b.example/cb'], isPublic: false, secret };
    await t.rejects(clients.add(client), { code: 'KNOT_OIDC_CLIENT_SECRET' });
  }
});

t.test('a client can be given its id and its secret', async (t) => {
  const { clients } = await open(t);
  const given = { clientId: 'Harbor.1', name: 'Images of the team', secret: 'given-secret-0123456789' };
  const added = await clients.add({ ...given, redirectUris: ['https://a.example/cb'], isPublic: false });
  t.same(added, { clientId: 'Harbor.1', clientSecret: given.secret });
  t.match(await clients.get('Harbor.1'), { name: given.name });
});

t.test('a client is changed without losing what was given out, or its secret', async (t) => {
  const house = await openHouse(t);
  const { clients } = house.oidc;
  const redirectUri = 'https://app.example/cb';
  const { clientSecret } = await clients.add({
    name: 'app',
    redirectUris: [redirectUri],
    isPublic: false,
    firstParty: true,
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const party = createRelyingParty(house, { id: 'app', secret: clientSecret!, redirectUri });
  const tokens = await party.tokens(browser);
  const by = { actor: 'root-admin', origin: 'admin', address: '192.0.2.7' } as const;
  const changes = {
    name: 'The App',
    idTokenSignedResponseAlg: 'ES256',
    backchannelLogoutUri: 'http://10.1.2.3/out',
  } as const;
  t.match(await clients.set('app', changes, by), { ...changes, redirectUris: [redirectUri], firstParty: true });
  t.equal((await party.userinfo(tokens.access_token!)).status, 200);
  t.equal((await party.refresh(tokens.refresh_token!)).status, 200, 'with the same secret');
  t.match(await clients.set('app', { backchannelLogoutUri: null }), { backchannelLogoutUri: null, name: 'The App' });
  await clients.set('app', {});
  t.match(
    (await house.audit.list({ action: 'client.changed' })).map(({ actor, detail }) => ({ actor, ...detail })),
    [
      { actor: 'cli', changed: 'backchannelLogoutUri' },
      { actor: 'root-admin', changed: 'name, idTokenSignedResponseAlg, backchannelLogoutUri' },
    ],
    'what changes nothing is not recorded',
  );
  await t.rejects(clients.set('app', { redirectUris: ['http://x.example/'] }), { code: 'KNOT_OIDC_REDIRECT_URI' });
  await t.rejects(clients.set('nobody', { name: 'x' }), { code: 'KNOT_OIDC_CLIENT_UNKNOWN' });
  await t.rejects(clients.set('jupyterhub', { name: 'x' }), { code: 'KNOT_OIDC_CLIENT_FIXED' });
  await t.rejects(clients.rotateSecret('jupyterhub', { overlapSeconds: 1 }), { code: 'KNOT_OIDC_CLIENT_FIXED' });
});

t.test('during a rotation both secrets work, afterwards one', async (t) => {
  let ahead = 0;
  const house = await openHouse(t, { clock: { now: () => Date.now() + ahead } });
  const { clients } = house.oidc;
  const redirectUri = 'https://app.example/cb';
  const { clientSecret: first } = await clients.add({
    name: 'app',
    redirectUris: [redirectUri],
    isPublic: false,
    firstParty: true,
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const { refresh_token } = await createRelyingParty(house, { id: 'app', secret: first!, redirectUri }).tokens(browser);
  const works = async (secret: string) =>
    (await createRelyingParty(house, { id: 'app', secret, redirectUri }).refresh(refresh_token!)).status === 200;
  const rotated = await clients.rotateSecret('app', { overlapSeconds: 3600 });
  t.not(rotated.clientSecret, first);
  t.ok(await works(first!));
  t.ok(await works(rotated.clientSecret));
  t.notOk(await works('x'.repeat(43)));
  t.equal((await clients.get('app')).previousSecretUntil, rotated.previousSecretUntil);
  await clients.set('app', { name: 'renamed' });
  t.ok(await works(first!), 'a change of something else ends nothing');
  ahead = 3601_000;
  t.notOk(await works(first!));
  t.ok(await works(rotated.clientSecret));
  t.equal((await clients.get('app')).previousSecretUntil, null);
  const last = await clients.rotateSecret('app', { overlapSeconds: 0, secret: 'chosen-by-the-operator' });
  t.match(last, { clientSecret: 'chosen-by-the-operator', previousSecretUntil: null });
  t.notOk(await works(rotated.clientSecret), 'at once, where somebody saw it');
  t.ok(await works('chosen-by-the-operator'));
  const stored = JSON.stringify(await house.store.db.selectFrom('oidc_clients').selectAll().execute());
  t.notMatch(stored, 'chosen-by-the-operator');
  t.notMatch(JSON.stringify(await clients.list()), /[0-9a-f]{64}/, 'no hash leaves');
  t.match(await house.audit.list({ action: 'client.secret-rotated' }), [
    { subject: 'client:app', detail: { overlapSeconds: 0 } },
    { subject: 'client:app', detail: { overlapSeconds: 3600 } },
  ]);
  await clients.add({ name: 'spa', redirectUris: ['https://spa.example/'], isPublic: true });
  await t.rejects(clients.rotateSecret('spa', { overlapSeconds: 0 }), { code: 'KNOT_OIDC_CLIENT_PUBLIC' });
});

t.test('configuration may name two secrets', async (t) => {
  const redirectUri = 'https://app.example/cb';
  const facts = { clientId: 'app', name: 'App', redirectUris: [redirectUri], firstParty: true };
  const house = await openHouse(t, {
    configuredClients: [{ ...facts, secret: 'new-secret-0123456789', previousSecret: 'old-secret-0123456789' }],
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  for (const secret of ['new-secret-0123456789', 'old-secret-0123456789']) {
    t.ok((await createRelyingParty(house, { id: 'app', secret, redirectUri }).tokens(browser)).access_token);
  }
});
