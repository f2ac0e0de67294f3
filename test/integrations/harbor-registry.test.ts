/** What programs do with the registry through Knot, request by request: the oddities of its protocol arrive as they were sent. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import t from 'tap';
import { registryMissing, startHarbor } from '../contracts/harbor/harbor.ts';
import { eventually } from '../support/eventually.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';

const missing = registryMissing();
if (missing !== undefined) {
  t.pass(missing, { skip: missing });
  process.exit();
}

const server = await startHarbor();
const home = mkdtempSync(join(tmpdir(), 'knot-registry-'));
writeFileSync(join(home, 'admin'), server.adminPassword);
t.teardown(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});
const config = {
  integrations: {
    jupyterhub: { mode: 'off' },
    harbor: { upstream: server.origin, admin: { fromFile: join(home, 'admin') } },
  },
};
const { gateway, person, stranger } = await openPeople(t, { others: ['bob', 'carl'], config });
const outside = `https://harbor.localhost:${gateway.port}`;
server.setExternalUrl(outside);
server.trust(caOf(gateway));
const { state } = server;
await eventually('set up', () =>
  ['bob', 'carl'].every((name) => state.robots.some((robot) => robot.name.includes(`$${name}+`))),
);
for (const name of ['bob', 'carl']) await (await person(name)).visit(`${outside}/c/oidc/login`);

const program = stranger();
const basicOf = async (name: string): Promise<string> => {
  const { secret } = (await (await person(name)).api('POST', '/images/cli-secret', {})).json<{ secret: string }>();
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
};
const basic = { bob: await basicOf('bob'), carl: await basicOf('carl') };
const tokenOf = async (who: keyof typeof basic, query: string) =>
  (
    await program.request('GET', `${outside}/service/token?service=harbor-registry&${query}`, {
      headers: { authorization: basic[who] },
    })
  ).json<{ token: string }>().token;
const send = async (
  method: string,
  path: string,
  { token, body, type }: { token?: string; body?: string; type?: string } = {},
) =>
  await program.request(method, path.startsWith('https:') ? path : `${outside}${path}`, {
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(type !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body }),
  });
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function pushBlob(repository: string, token: string, body: string): Promise<string> {
  const begun = await send('POST', `/v2/${repository}/blobs/uploads/`, { token });
  t.equal(begun.status, 202, begun.text);
  const place = String(begun.headers['location']);
  // Absolute, at the address that the program knows.
  t.ok(place.startsWith(`${outside}/v2/${repository}/blobs/uploads/`), place);
  const digest = digestOf(body);
  const put = await send('PUT', `${place}&digest=${digest}`, { token, body, type: 'application/octet-stream' });
  t.equal(put.status, 201, put.text);
  t.equal(put.headers['location'], `${outside}/v2/${repository}/blobs/${digest}`);
  return digest;
}

t.test('who is not signed in is told the public address of the token service, once each', async (t) => {
  const answer = await send('GET', '/v2/');
  t.equal(answer.status, 401);
  t.equal(answer.headers['www-authenticate'], `Bearer realm="${outside}/service/token",service="harbor-registry"`);
});

t.test('of several scopes all reach the token service, and all that is allowed there is granted', async (t) => {
  server.asked.length = 0;
  const query = 'scope=repository:bob/app:pull,push&scope=repository:carl/app:pull&scope=repository:library/x:pull';
  const token = await tokenOf('bob', query);
  t.same(server.asked, [`GET /service/token?service=harbor-registry&${query}`], 'as they were sent');
  t.same(decodeJwt(token)['access'], [
    { type: 'repository', name: 'bob/app', actions: ['pull', 'push', 'delete'] },
    { type: 'repository', name: 'carl/app', actions: [] },
    { type: 'repository', name: 'library/x', actions: ['pull'] },
  ]);
});

t.test('a layer is mounted from where one may read; from elsewhere the program is asked to sign in', async (t) => {
  const ofCarl = await tokenOf('carl', 'scope=repository:carl/app:pull,push');
  const layer = await pushBlob('carl/app', ofCarl, randomBytes(200).toString('hex'));
  const token = await tokenOf('bob', 'scope=repository:bob/app:pull,push&scope=repository:carl/app:pull');
  const refused = await send('POST', `/v2/bob/app/blobs/uploads/?mount=${layer}&from=carl%2Fapp`, { token });
  t.equal(refused.status, 401, 'as Harbor has it, and clients upload it then');
  t.equal(refused.headers['www-authenticate'], 'Basic realm="harbor"');
  t.equal((await send('HEAD', `/v2/bob/app/blobs/${layer}`, { token })).status, 404);
  const both = await tokenOf('bob', 'scope=repository:bob/app:pull,push&scope=repository:bob/base:pull,push');
  const own = await pushBlob('bob/base', both, randomBytes(200).toString('hex'));
  t.equal((await send('POST', `/v2/bob/app/blobs/uploads/?mount=${own}&from=bob%2Fbase`, { token: both })).status, 201);
  t.equal((await send('HEAD', `/v2/bob/app/blobs/${own}`, { token: both })).status, 200);
});

t.test(
  'a redirect to a storage elsewhere is the program’s to follow: exactly as it was said, for each method',
  async (t) => {
    const token = await tokenOf('bob', 'scope=repository:bob/app:pull');
    for (const method of ['GET', 'HEAD']) {
      const place = `https://storage.invalid/blobs/ab?X-Signature=a%2Bb%3D&method=${method}`;
      server.meddle = (request, response) => {
        if (!request.url!.includes('/blobs/')) return false;
        response.writeHead(307, { location: place, 'content-length': '0' });
        response.end();
        return true;
      };
      const answer = await send(method, `/v2/bob/app/blobs/${digestOf('x')}`, { token });
      t.match(
        { status: answer.status, location: answer.headers['location'] },
        { status: 307, location: place },
        method,
      );
    }
    server.meddle = undefined;
  },
);

t.test('a full quota is told in the words of Harbor, and the page shows how much there is', async (t) => {
  const token = await tokenOf('bob', 'scope=repository:bob/full:pull,push');
  const body = randomBytes(2_000).toString('hex');
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: await pushBlob('bob/full', token, body),
    size: body.length,
  };
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: await pushBlob('bob/full', token, '{}'),
    size: 2,
  };
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: type, config, layers: [layer] });
  const project = state.projects.find(({ name }) => name === 'bob')!;
  const { storageLimit } = project;
  project.storageLimit = 1_000;
  const full = await send('PUT', '/v2/bob/full/manifests/v1', { token, body: manifest, type });
  t.equal(full.status, 403);
  t.match(full.json(), { errors: [{ code: 'DENIED', message: /exceed the configured upper limit of 1000/ }] });
  t.match((await (await person('bob')).api('GET', '/images')).json(), { usage: [{ used: 0, limit: 1_000 }] });
  project.storageLimit = storageLimit;
  t.equal((await send('PUT', '/v2/bob/full/manifests/v1', { token, body: manifest, type })).status, 201);
});

t.test('Harbor goes away in the middle of a push: the program is told, and pushes again', async (t) => {
  const token = await tokenOf('bob', 'scope=repository:bob/again:pull,push');
  const begun = await send('POST', '/v2/bob/again/blobs/uploads/', { token });
  const body = randomBytes(500_000).toString('hex');
  server.meddle = (request) => {
    if (request.method !== 'PATCH') return false;
    request.once('data', () => request.socket.destroy());
    return true;
  };
  const type = 'application/octet-stream';
  const cut = await send('PATCH', String(begun.headers['location']), { token, body, type }).catch(() => undefined);
  t.ok(cut === undefined || cut.status === 502, `${cut?.status}`);
  server.meddle = undefined;
  t.equal(
    (await send('HEAD', `/v2/bob/again/blobs/${digestOf(body)}`, { token })).status,
    404,
    'nothing half is there',
  );
  await pushBlob('bob/again', token, body);
});

t.test('a login of docker that became old is made anew when a gateway starts', async (t) => {
  const bob = await person('bob');
  t.equal((await bob.api('PUT', '/images/docker-login')).status, 200);
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const file = join(gateway.data, 'files/private', user.id, '.docker/config.json');
  const host = new URL(outside).host;
  const read = () => JSON.parse(readFileSync(file, 'utf8')) as { auths: Record<string, { auth: string }> };
  const { auth } = read().auths[host]!;
  t.equal(await gateway.signal('SIGTERM'), 0);
  const robot = Buffer.from(auth, 'base64').toString().split(':')[0];
  const old = { auths: { [host]: { auth: Buffer.from(`${robot}:of-last-month`).toString('base64') } } };
  writeFileSync(file, JSON.stringify(old));
  const again = await startGateway({
    config: { ...config, listen: `127.0.0.1:${gateway.port}` },
    data: gateway.data,
  });
  t.teardown(() => again.stop());
  await eventually('the one that the registry takes', () => read().auths[host]!.auth === auth);
});
