/** What Knot relies on of Harbor once people come from its own provider; what needs no more than an API is in `harbor.test.ts`. */
/* eslint-disable @typescript-eslint/no-explicit-any -- answers are read as they come */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { clusterPrograms } from '../../cluster/build.ts';
import { writeImage } from '../image.ts';
import { run } from '../tools.ts';
import { apiOf, needsClients, needsOwn, openSignedIn, v2 } from './opened.ts';

t.test('people come from the issuer: PKCE, state, claims, groups, and no name twice', { skip: needsOwn }, async (t) => {
  const { admin, harbor, origin, signIn, house } = await openSignedIn(t);
  const ann = await signIn('ann');
  t.equal(ann.answer.status, 302);
  t.equal(ann.answer.headers.get('location'), '/harbor/projects');
  const me = await apiOf(origin, ['', ''])('GET', `${v2}/users/current`, undefined, { cookie: ann.cookie });
  t.match(me.body, { username: 'ann', email: 'ann@example.org', sysadmin_flag: false, admin_role_in_auth: false });
  t.match(me.body.oidc_user_meta, { subiss: `${ann.user.id}${house.issuer}`, secret: /^.{32}$/ });
  t.ok(harbor.state.groups.some(({ name }) => name === 'knot:user:ann'));
  const carl = await signIn('carl');
  const carlMe = await apiOf(origin, ['', ''])('GET', `${v2}/users/current`, undefined, { cookie: carl.cookie });
  t.match(carlMe.body, { admin_role_in_auth: true });

  t.equal((await signIn('bob', (url) => url.replace(/state=[^&]+/, 'state=other'))).answer.status, 400);
  t.equal((await signIn('bob', (url) => url.replace(/code=[^&]+/, 'code=other'))).answer.status, 400);
  harbor.state.users.push({
    ...harbor.state.users[0]!,
    id: 77,
    username: 'eve',
    email: 'other@example.org',
    isAdmin: false,
  });
  t.equal((await signIn('eve')).answer.status, 409);

  // A page changes nothing without its token against forged requests.
  const forged = await apiOf(origin, ['', ''])(
    'PUT',
    `${v2}/users/${me.body.user_id}/cli_secret`,
    { secret: '' },
    { cookie: ann.cookie },
  );
  t.equal(forged.status, 403);
  const csrf = me.headers.get('x-harbor-csrf-token')!;
  const meant = await apiOf(origin, ['', ''])(
    'PUT',
    `${v2}/users/${me.body.user_id}/cli_secret`,
    { secret: '' },
    { cookie: ann.cookie, 'x-harbor-csrf-token': csrf },
  );
  t.equal(meant.status, 200);
  const found = (await admin('GET', `${v2}/users/search?username=an`)).body;
  t.ok(
    found.some(({ username }: any) => username === 'ann'),
    'a part of a name finds it',
  );
  t.not(
    (await admin('GET', `${v2}/users/${me.body.user_id}`)).body.oidc_user_meta.secret,
    me.body.oidc_user_meta.secret,
  );
  t.equal((await admin('PUT', `${v2}/users/${me.body.user_id}/cli_secret`, { secret: 'tooweak' })).status, 400);
  t.equal((await apiOf(origin, ['', ''])('GET', `${v2}/users/1`, undefined, { cookie: ann.cookie })).status, 403);
});

t.test(
  'an ID token counts only when the issuer made it, for Harbor, and not long ago',
  { skip: needsOwn },
  async (t) => {
    const { harbor, origin, signIn } = await openSignedIn(t);
    await signIn('ann');
    const { tokens } = harbor.state.users.find(({ username }) => username === 'ann')!.oidc!;
    const as = async (token: string) =>
      (await apiOf(origin, ['', ''])('GET', `${v2}/users/current`, undefined, { authorization: `Bearer ${token}` }))
        .status;
    t.equal(await as(tokens.idToken), 200);
    const [head, body, signature] = tokens.idToken.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'other' })).toString('base64url');
    t.equal(await as(`${head}.${changed}.${signature}`), 401, 'changed');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    t.equal(await as(`${none}.${body}.`), 401, 'unsigned');
    harbor.state.settings['oidc_client_id'] = 'other';
    t.equal(await as(tokens.idToken), 401, 'for somebody else');
  },
);

t.test('a CLI secret counts while the issuer still knows the person', { skip: needsOwn }, async (t) => {
  const { harbor, origin, signIn, house } = await openSignedIn(t);
  const ann = await signIn('ann');
  const { oidc } = harbor.state.users.find(({ username }) => username === 'ann')!;
  const login = async () =>
    (await apiOf(origin, ['ann', oidc!.secret])('GET', '/service/token?service=harbor-registry')).status;
  t.equal(await login(), 200);
  const before = oidc!.tokens.accessToken;
  oidc!.tokens.expiresAt = 0;
  t.equal(await login(), 200, 'refreshed');
  t.not(oidc!.tokens.accessToken, before);
  t.equal(
    (await apiOf(origin, ['ann', oidc!.secret])('GET', `${v2}/users/current`)).status,
    401,
    'not for the rest of the API',
  );
  await house.accounts.setState(ann.user.id, 'disabled', { name: 'test' });
  t.equal(await login(), 401, 'userinfo refuses');
  oidc!.tokens.expiresAt = 0;
  t.equal(await login(), 401, 'and so does a refresh');
});

t.test('skopeo and helm push and pull through the real registry', { skip: needsOwn || needsClients }, async (t) => {
  const { harbor, admin, signIn } = await openSignedIn(t, { withRegistry: true });
  const home = mkdtempSync(join(tmpdir(), 'knot-skopeo-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  await signIn('ann');
  await signIn('bob');
  await admin('POST', `${v2}/projects`, { project_name: 'ann', metadata: { public: 'false' }, storage_limit: 300_000 });
  await admin('POST', `${v2}/projects/ann/members`, {
    role_id: 2,
    member_group: { group_name: 'knot:user:ann', group_type: 3 },
  });
  // Without TLS in front the addresses it tells are its own.
  harbor.setExternalUrl(harbor.origin);
  const host = new URL(harbor.origin).host;
  const secretOf = (name: string) => harbor.state.users.find(({ username }) => username === name)!.oidc!.secret;
  writeImage(join(home, 'image'), { bytes: 100_000 });
  const push = async (who: string, from: string, to: string) =>
    await run(
      [
        'skopeo',
        'copy',
        '--dest-tls-verify=false',
        '--dest-creds',
        `${who}:${secretOf(who)}`,
        `oci:${join(home, from)}:v1`,
        `docker://${host}/${to}`,
      ],
      { home },
    );
  const pushed = await push('ann', 'image', 'ann/deep/app:v1');
  t.equal(pushed.status, 0, pushed.output);
  const pull = async (creds: string, to: string) =>
    await run(
      [
        'skopeo',
        'copy',
        '--src-tls-verify=false',
        '--src-creds',
        creds,
        `docker://${host}/ann/deep/app:v1`,
        `oci:${join(home, to)}:v1`,
      ],
      { home },
    );
  t.equal((await pull(`ann:${secretOf('ann')}`, 'own')).status, 0);
  const refused = await pull(`bob:${secretOf('bob')}`, 'others');
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
  const helm = [...programs.helm];
  t.equal((await run([...helm, 'create', join(home, 'chart')], { home })).status, 0);
  t.equal((await run([...helm, 'package', join(home, 'chart'), '-d', home], { home })).status, 0);
  const login = async (secret: string) =>
    await run([...helm, 'registry', 'login', host, '--plain-http', '-u', 'ann', '--password-stdin'], {
      home,
      input: secret,
    });
  t.not((await login('wrong')).status, 0, 'a wrong password is no success');
  const signedIn = await login(secretOf('ann'));
  t.equal(signedIn.status, 0, signedIn.output);
  const chart = await run([...helm, 'push', join(home, 'chart-0.1.0.tgz'), `oci://${host}/ann`, '--plain-http'], {
    home,
  });
  t.equal(chart.status, 0, chart.output);
  t.match((await admin('GET', `${v2}/projects/ann/repositories/chart/artifacts`)).body, [
    { type: 'CHART', tags: [{ name: '0.1.0' }] },
  ]);
});
