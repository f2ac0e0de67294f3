/**
 * What Knot brings about in a Harbor that an operator runs, and what people do there then:
 *
 *     KNOT_REAL_HARBOR=https://admin:PASSWORD@HOST node test/integrations/harbor-real.test.ts
 *
 * An installation for tests only: how people sign in is changed, and people and projects called ann, bob and carl are removed. Its
 * `external_url` is `https://harbor.localhost:PORT`, where the gateway of this test listens, and it reaches that. The answers of the
 * contract server are compared with its own by `test/contracts/harbor`.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { robotPermissions } from '../../gateway/integrations/harbor/robot-rights.ts';
import { createHarbor, type ToolOwner } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { open, real, removeLeft, uniqueName, v2 } from '../contracts/harbor/opened.ts';
import { writeImage } from '../contracts/image.ts';
import { run, skopeoMissing } from '../contracts/tools.ts';
import { eventually } from '../support/eventually.ts';
import { startCuttingProxy } from '../support/net/cutting-proxy.ts';
import { openPeople } from '../support/process/people.ts';

const skip = real === undefined ? 'KNOT_REAL_HARBOR is not set' : (skopeoMissing() ?? false);

t.test('a Harbor that an operator runs, signed in to by Knot', { skip }, async (t) => {
  const { admin, origin } = await open(t);
  const outside = String((await admin('GET', `${v2}/systeminfo`)).body.external_url);
  const { hostname, port, host } = new URL(outside);
  if (hostname !== 'harbor.localhost' || port === '') throw new Error(`external_url is ${outside}`);
  await removeLeft(admin);
  t.teardown(() => removeLeft(admin));
  const home = mkdtempSync(join(tmpdir(), 'knot-harbor-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const secretFile = join(home, 'admin');
  writeFileSync(secretFile, decodeURIComponent(new URL(real!).password));
  const ca = process.env['NODE_EXTRA_CA_CERTS'];
  const harbor = { upstream: origin, admin: { fromFile: secretFile }, ...(ca !== undefined && { ca }) };
  const { gateway, ann, person, stranger } = await openPeople(t, {
    others: ['bob', 'carl'],
    config: { listen: `127.0.0.1:${port}`, integrations: { jupyterhub: { mode: 'off' }, harbor } },
  });

  // Set up as the first start does it, and found right by what an operator asks then.
  const settings = async () => (await admin('GET', `${v2}/configurations`)).body;
  await eventually('sign-in', async () => (await settings()).oidc_endpoint.value === `${gateway.origin}/oidc`);
  const isThere = async (path: string) => (await admin('GET', path)).status === 200;
  for (const name of ['ann', 'bob', 'carl']) await eventually(name, () => isThere(`${v2}/projects/${name}`));
  const shown = await gateway.knot(['integrations', 'show', 'harbor']);
  const pasted = JSON.parse(/^\{$[^]*?^\}$/m.exec(shown.stdout)![0]);
  for (const [name, wanted] of Object.entries(pasted)) {
    if (name === 'oidc_client_secret' || name === 'oidc_verify_cert') continue;
    t.equal((await settings())[name].value, wanted, name);
  }
  const checked = await gateway.knot(['integrations', 'check', 'harbor']);
  t.comment(checked.stdout);
  for (const words of [/right address/, /login is accepted/, /sign in with Knot/, /Harbor reaches Knot/])
    t.match(checked.stdout, words);
  t.notMatch(checked.stdout, /older|nobody can sign in/);

  const bob = await person('bob');
  t.match((await bob.api('POST', '/images/cli-secret', {})).json(), { code: 'KNOT_INTEGRATIONS_HARBOR_NEVER_OPENED' });
  for (const name of ['ann', 'bob', 'carl']) {
    const page = await (await person(name)).visit(`${outside}/c/oidc/login?redirect_url=/harbor/projects`);
    t.equal(page.url, `${outside}/harbor/projects`);
    const me = (await (await person(name)).request('GET', `${outside}${v2}/users/current`)).json();
    t.match(me, { username: name, admin_role_in_auth: name === 'ann' });
  }
  const visible = (await bob.request('GET', `${outside}${v2}/projects?page_size=100`)).json<{ name: string }[]>();
  t.same(visible.map(({ name }) => name).sort(), ['bob', 'library'], 'their own and what is everybody’s');
  const made = await bob.request('POST', `${outside}${v2}/projects`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ project_name: 'bobs-second' }),
  });
  t.equal(made.status, 403, 'projects are Knot’s to make');

  const line = await startCuttingProxy();
  t.teardown(() => line.close());
  const certificates = join(home, 'certs');
  mkdirSync(certificates);
  copyFileSync(gateway.caFile, join(certificates, 'ca.crt'));
  const skopeo = (...words: string[]) =>
    run(['skopeo', ...words], { home, environment: { HTTPS_PROXY: line.address } });
  const secretOf = async (name: string, rotate = false) =>
    (await (await person(name)).api('POST', '/images/cli-secret', { rotate })).json<{ secret: string }>().secret;
  const secret = await secretOf('bob');
  writeImage(join(home, 'image'), { bytes: 300_000 });
  const image = `docker://${host}/bob/deep/app:v1`;
  const creds = `bob:${secret}`;
  const pushed = await skopeo(
    ...['copy', '--dest-cert-dir', certificates, '--dest-creds', creds, `oci:${home}/image:v1`, image],
  );
  t.equal(pushed.status, 0, pushed.output);
  const pull = (by: string[], folder: string) =>
    skopeo('copy', '--src-cert-dir', certificates, ...by, image, `oci:${home}/${folder}:v1`);
  t.equal((await pull(['--src-creds', creds], 'pulled')).status, 0);
  const stolen = await pull(['--src-creds', `carl:${await secretOf('carl')}`], 'stolen');
  t.not(stolen.status, 0);
  t.match(stolen.output, /denied|unauthorized/i);
  const listed = (await bob.api('GET', '/images')).json<{ images: { size: number }[] }>();
  t.match(listed, { images: [{ name: 'bob/deep/app', kind: 'image', tags: ['v1'], versions: 1 }] });
  t.ok(listed.images[0]!.size > 300_000);

  // What pods are given.
  t.match((await bob.api('PUT', '/images/docker-login')).json(), { state: 'written', registry: host });
  const file = join(home, 'login.json');
  const written = (await bob.api('GET', '/files/private/.docker/config.json')).text;
  writeFileSync(file, written);
  const byRobot = await pull(['--authfile', file], 'by-robot');
  t.equal(byRobot.status, 0, byRobot.output);
  const other = await secretOf('bob', true);
  t.not((await pull(['--src-creds', creds], 'old')).status, 0, 'the secret of before');
  t.equal((await pull(['--src-creds', `bob:${other}`], 'new')).status, 0);

  // Harbor itself goes on until the access token is over; Knot in front of it does not.
  const { id } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>().user;
  const tokenOf = async (at: string, name: string, word: string) => {
    const headers = { authorization: `Basic ${Buffer.from(`${name}:${word}`).toString('base64')}` };
    const path = `/service/token?service=harbor-registry`;
    return at === outside
      ? (await stranger().request('GET', `${outside}${path}`, { headers })).status
      : (await fetch(`${origin}${path}`, { headers })).status;
  };
  t.equal(await tokenOf(outside, 'bob', other), 200);
  t.equal((await ann.api('PATCH', `/users/${id}`, { state: 'disabled' })).status, 200);
  await eventually('refused', async () => (await tokenOf(outside, 'bob', other)) === 401);
  t.equal(await tokenOf(origin, 'bob', other), 200);
  const { auths } = JSON.parse(written) as { auths: Record<string, { auth: string }> };
  const [robot, robotsSecret] = Buffer.from(auths[host]!.auth, 'base64').toString().split(':') as [string, string];
  await eventually('the robot is stopped', async () => (await tokenOf(origin, robot, robotsSecret)) === 401);
});

t.test('the same Harbor, kept by a system robot with the rights that are asked for', { skip }, async (t) => {
  const { admin, origin } = await open(t);
  await removeLeft(admin);
  t.teardown(() => removeLeft(admin));
  const made = await admin('POST', `${v2}/robots`, {
    ...{ name: uniqueName('knot'), level: 'system', duration: 1 },
    permissions: robotPermissions,
  });
  t.equal(made.status, 201, made.text);
  t.teardown(() => admin('DELETE', `${v2}/robots/${made.body.id}`));
  const ca = process.env['NODE_EXTRA_CA_CERTS'];
  const harbor = createHarbor({
    publicAddress: publicAddress({ domain: 'localhost' }, 443),
    ...{ clientSecret: () => 'client-secret-0123456789', caFile: undefined, clock: systemClock, log: silentLog },
    config: { title: 'Images', robot: { name: made.body.name, secret: { fromEnv: 'X' } } },
    upstream: { ...parseUpstream(origin, { allowLoopback: true }), ...(ca && { ca: readFileSync(ca, 'utf8') }) },
    secrets: { robot: made.body.secret },
  });
  t.teardown(() => harbor.stop());
  const dora: ToolOwner = { kind: 'user', id: 'id-dora', name: 'dora', title: 'dora', isPaused: false, storage: 5_000 };
  await harbor.provide!(dora);
  await harbor.provide!(dora);
  const { name } = await harbor.registry!.pullLoginOf('dora');
  t.match(name, /\+knot-[01]$/);
  t.equal((await harbor.registry!.imagesOf('dora')).limit, 5_000);
  const members = (await admin('GET', `${v2}/projects/dora/members`)).body as { entity_name: string }[];
  t.same(
    members.map(({ entity_name }) => entity_name),
    ['admin', 'knot:user:dora'],
  );
  t.match(
    (await harbor.check!()).find((one) => one.name === 'login'),
    { status: 'ok' },
  );
  await harbor.provide!({ ...dora, isPaused: true });
  await t.rejects(harbor.registry!.pullLoginOf('dora'), { code: 'KNOT_INTEGRATIONS_HARBOR_NOT_READY' });
  await harbor.provide!({ ...dora, isPaused: true, isGone: true });
  t.equal((await admin('GET', `${v2}/projects/dora`)).status, 404);
});
