/** What Knot relies on of Harbor once people come from its own provider; what needs no more than an API is in `harbor.test.ts`. */
/* eslint-disable @typescript-eslint/no-explicit-any -- answers are read as they come */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { clusterPrograms } from '../../cluster/build.ts';
import { writeImage } from '../image.ts';
import { run } from '../tools.ts';
import { apiOf, needsClients, openSignedIn, removeProject, uniqueName, v2 } from './opened.ts';

t.test('people come from the issuer: PKCE, state, claims, groups, and no name twice', async (t) => {
  const { admin, origin, signIn, house } = await openSignedIn(t);
  const anybody = apiOf(origin, ['', '']);
  const ann = await signIn('ann');
  t.equal(ann.answer.status, 302);
  t.equal(ann.answer.headers.get('location'), '/harbor/projects');
  t.not(ann.cookie, ann.before, 'whoever signs in has another session than before');
  const me = await anybody('GET', `${v2}/users/current`, undefined, { cookie: ann.cookie });
  t.equal((await anybody('GET', `${v2}/users/current`, undefined, { cookie: ann.before })).status, 401);
  t.match(me.body, { username: 'ann', email: 'ann@example.org', sysadmin_flag: false, admin_role_in_auth: false });
  t.match(me.body.oidc_user_meta, { subiss: `${ann.user.id}${house.issuer}`, secret: /^.{32}$/ });
  const groups = (await admin('GET', `${v2}/usergroups?group_name=knot:user:ann`)).body;
  t.match(groups, [{ group_name: 'knot:user:ann', group_type: 3 }]);
  const carl = await signIn('carl');
  const carlMe = await anybody('GET', `${v2}/users/current`, undefined, { cookie: carl.cookie });
  t.match(carlMe.body, { admin_role_in_auth: true });

  t.equal((await signIn('bob', (url) => url.replace(/state=[^&]+/, 'state=other'))).answer.status, 400);
  t.equal((await signIn('bob', (url) => url.replace(/code=[^&]+/, 'code=other'))).answer.status, 400);
  await house.accounts.setEmail(ann.user.id, 'other@example.org', { name: 'test' });
  const dora = { username: 'dora', email: 'ann@example.org', isAdmin: false, state: 'active' } as const;
  await house.accounts.createUser(dora, { name: 'test' });
  t.equal((await signIn('dora')).answer.status, 409, 'an address that somebody else had when they came');
  const elsewhere = await anybody('GET', '/c/oidc/login?redirect_url=https://elsewhere.example.org');
  t.equal(elsewhere.status, 400);

  // A page changes nothing without its token against forged requests.
  const secretPath = `${v2}/users/${me.body.user_id}/cli_secret`;
  const forged = await anybody('PUT', secretPath, { secret: '' }, { cookie: ann.cookie });
  t.equal(forged.status, 403);
  const cookie = [ann.cookie, ...me.headers.getSetCookie().map((line) => line.split(';')[0])].join('; ');
  const csrf = me.headers.get('x-harbor-csrf-token')!;
  const meant = await anybody('PUT', secretPath, { secret: '' }, { cookie, 'x-harbor-csrf-token': csrf });
  t.equal(meant.status, 200, meant.text);
  const found = (await admin('GET', `${v2}/users/search?username=an`)).body;
  t.ok(
    found.some(({ username }: any) => username === 'ann'),
    'a part of a name finds it',
  );
  t.equal((await admin('PUT', secretPath, { secret: '' })).status, 200);
  t.not(
    (await admin('GET', `${v2}/users/${me.body.user_id}`)).body.oidc_user_meta.secret,
    me.body.oidc_user_meta.secret,
  );
  t.equal((await admin('PUT', secretPath, { secret: 'tooweak' })).status, 400);

  // A system robot sees the same and may change it, and nothing without the right.
  const robotWith = async (...actions: string[]) => {
    const access = actions.map((action) => ({ resource: 'user', action }));
    const { body } = await admin('POST', `${v2}/robots`, {
      ...{ name: uniqueName('reader'), level: 'system', duration: 1 },
      permissions: [{ kind: 'system', namespace: '/', access }],
    });
    t.teardown(() => admin('DELETE', `${v2}/robots/${body.id}`));
    return apiOf(origin, [body.name, body.secret]);
  };
  const reader = await robotWith('read', 'update');
  const seen = async (api: typeof admin) => (await api('GET', `${v2}/users/${me.body.user_id}`)).body;
  t.equal((await seen(reader)).oidc_user_meta.secret, (await seen(admin)).oidc_user_meta.secret, 'in clear');
  t.equal((await reader('PUT', secretPath, { secret: 'Chosen12345' })).status, 200);
  t.equal((await seen(reader)).oidc_user_meta.secret, 'Chosen12345');
  const lister = await robotWith('list');
  t.equal((await lister('GET', `${v2}/users/${me.body.user_id}`)).status, 403);
  t.equal((await lister('PUT', secretPath, { secret: '' })).status, 403);
  t.equal((await anybody('GET', `${v2}/users/1`, undefined, { cookie: ann.cookie })).status, 403);
  t.equal((await anybody('GET', `${v2}/projects/nobodys`, undefined, { cookie: ann.cookie })).status, 403);
});

t.test('an ID token counts only when the issuer made it, and for Harbor', async (t) => {
  const { admin, origin, signIn, idTokenOf } = await openSignedIn(t);
  await signIn('ann');
  const idToken = await idTokenOf('ann');
  const as = async (token: string) =>
    (await apiOf(origin, ['', ''])('GET', `${v2}/users/current`, undefined, { authorization: `Bearer ${token}` }))
      .status;
  t.equal(await as(idToken), 200);
  const [head, body, signature] = idToken.split('.') as [string, string, string];
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'other' })).toString('base64url');
  t.equal(await as(`${head}.${changed}.${signature}`), 401, 'changed');
  const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  t.equal(await as(`${none}.${body}.`), 401, 'unsigned');
  await admin('PUT', `${v2}/configurations`, { oidc_client_id: 'other' });
  t.equal(await as(idToken), 401, 'for somebody else');
});

t.test('a CLI secret counts until the access token behind it is over', async (t) => {
  const { harbor, origin, signIn, house, userNamed } = await openSignedIn(t);
  const ann = await signIn('ann');
  const { secret } = (await userNamed('ann')).oidc_user_meta;
  const api = apiOf(origin, ['ann', secret]);
  const login = async () => (await api('GET', '/service/token?service=harbor-registry')).status;
  t.equal(await login(), 200);
  t.equal((await apiOf(origin, ['ann', 'Wrong12345'])('GET', '/service/token?service=harbor-registry')).status, 401);
  t.equal((await api('GET', `${v2}/projects`)).status, 200);
  t.equal((await api('GET', `${v2}/users/current`)).status, 401, 'not for the rest of the API');
  t.equal((await api('GET', `${v2}/projects/library`)).status, 200, 'as anybody may');
  const { oidc } = harbor?.state.users.find(({ username }) => username === 'ann') ?? {};
  if (oidc) {
    const before = oidc.tokens.accessToken;
    oidc.tokens.expiresAt = 0;
    t.equal(await login(), 200, 'refreshed');
    t.not(oidc.tokens.accessToken, before);
  }
  await house.accounts.setState(ann.user.id, 'disabled', { name: 'test' });
  t.equal(
    await login(),
    200,
    'userinfo refuses, and what the ID token said counts on: Knot itself refuses such a login',
  );
  if (!oidc) return;
  oidc.tokens.expiresAt = 0;
  t.equal(await login(), 401, 'a refresh is refused');
});

t.test('skopeo and helm push and pull through the real registry', { skip: needsClients }, async (t) => {
  const { harbor, admin, origin, signIn, userNamed } = await openSignedIn(t, { withRegistry: true });
  const home = mkdtempSync(join(tmpdir(), 'knot-skopeo-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  t.teardown(() => removeProject(admin, 'ann'));
  await signIn('ann');
  await signIn('bob');
  await admin('POST', `${v2}/projects`, { project_name: 'ann', metadata: { public: 'false' }, storage_limit: 300_000 });
  await admin('POST', `${v2}/projects/ann/members`, {
    role_id: 2,
    member_group: { group_name: 'knot:user:ann', group_type: 3 },
  });
  // Without TLS in front the addresses it tells are its own.
  harbor?.setExternalUrl(origin);
  const { host, protocol } = new URL(origin);
  const secretOf = async (name: string): Promise<string> => (await userNamed(name)).oidc_user_meta.secret;
  const secrets = { ann: await secretOf('ann'), bob: await secretOf('bob') };
  writeImage(join(home, 'image'), { bytes: 100_000 });
  const copy = async (...words: string[]) => await run(['skopeo', 'copy', ...words], { home });
  const push = async (who: keyof typeof secrets, from: string, to: string) =>
    await copy(
      ...['--dest-tls-verify=false', '--dest-creds', `${who}:${secrets[who]}`],
      ...[`oci:${join(home, from)}:v1`, `docker://${host}/${to}`],
    );
  const pushed = await push('ann', 'image', 'ann/deep/app:v1');
  t.equal(pushed.status, 0, pushed.output);
  const pull = async (creds: string, to: string) =>
    await copy(
      ...['--src-tls-verify=false', '--src-creds', creds],
      ...[`docker://${host}/ann/deep/app:v1`, `oci:${join(home, to)}:v1`],
    );
  t.equal((await pull(`ann:${secrets.ann}`, 'own')).status, 0);
  const refused = await pull(`bob:${secrets.bob}`, 'others');
  t.not(refused.status, 0);
  t.match(refused.output, /denied|unauthorized/);

  const listed = await admin('GET', `${v2}/projects/ann/repositories?page_size=100`);
  t.match(listed.body, [{ name: 'ann/deep/app', artifact_count: 1 }]);
  const artifacts = await admin(
    'GET',
    `${v2}/projects/ann/repositories/${encodeURIComponent(encodeURIComponent('deep/app'))}/artifacts`,
  );
  t.match(artifacts.body, [{ type: 'IMAGE', tags: [{ name: 'v1' }] }]);
  t.ok(artifacts.body[0].size > 100_000);
  t.equal((await admin('DELETE', `${v2}/projects/ann`)).status, 412, 'holds something');

  writeImage(join(home, 'large'), { bytes: 400_000 });
  const full = await push('ann', 'large', 'ann/large:v1');
  t.not(full.status, 0);
  t.match(full.output, /exceed the configured upper limit/, 'a full quota says so');

  const programs = await clusterPrograms();
  if ('skip' in programs) return t.comment(programs.skip);
  const helm = async (...words: string[]) => await run([...programs.helm, ...words], { home });
  t.equal((await helm('create', join(home, 'chart'))).status, 0);
  t.equal((await helm('package', join(home, 'chart'), '-d', home)).status, 0);
  const [ofLogin, ofPush] =
    protocol === 'http:' ? ['--plain-http', '--plain-http'] : ['--insecure', '--insecure-skip-tls-verify'];
  const login = async (secret: string) =>
    await run([...programs.helm, 'registry', 'login', host, ofLogin, '-u', 'ann', '--password-stdin'], {
      home,
      input: secret,
    });
  t.not((await login('wrong')).status, 0, 'a wrong password is no success');
  const signedIn = await login(secrets.ann);
  t.equal(signedIn.status, 0, signedIn.output);
  const chart = await helm('push', join(home, 'chart-0.1.0.tgz'), `oci://${host}/ann`, ofPush);
  t.equal(chart.status, 0, chart.output);
  t.match((await admin('GET', `${v2}/projects/ann/repositories/chart/artifacts`)).body, [
    { type: 'CHART', tags: [{ name: '0.1.0' }] },
  ]);
});
