import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { writeImage } from '../../../gateway/bin/image/index.ts';
import { registryMissing, type ContractHarbor, startHarbor } from '../../contracts/harbor/harbor.ts';
import { run, skopeoMissing } from '../../contracts/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { leadTo } from '../../support/net/lead-to.ts';
import type { People } from '../../support/process/people.ts';
import { openRegistryTo } from '../../support/process/registry-login.ts';
import { boxEntries } from './images.ts';
import { execute, pod } from './pods.ts';
import type { RunningNode } from './start.ts';

/** A registry with token authentication, which a gateway in the network of the node reaches as this machine does; and why there is none. */
export type OpenedRegistry = { server: ContractHarbor; config: object } | { skip: string };

export async function openRegistry(t: Test, node: RunningNode): Promise<OpenedRegistry> {
  const missing = registryMissing() ?? skopeoMissing();
  if (missing !== undefined) return { skip: missing };
  const server = await startHarbor();
  t.teardown(server.stop);
  const port = Number(new URL(server.origin).port);
  await node.outward({ host: '127.0.0.1', port }, port);
  const admin = join(node.folder, 'harbor-admin');
  writeFileSync(admin, server.adminPassword);
  return { server, config: { harbor: { upstream: server.origin, admin: { fromFile: admin } } } };
}

/**
 * Somebody pushes an image that exists nowhere else to their own project, and names it in a pod: nothing more is needed. It is nobody
 * else's, not even while it lies on the node already.
 */
export async function pullPrivate(
  t: Test,
  node: RunningNode,
  { gateway, ann }: People,
  server: ContractHarbor,
  create: (owner: string, body: ReturnType<typeof pod>) => Promise<{ status: number }>,
): Promise<void> {
  const { host, secret } = await openRegistryTo(t, { gateway, server, person: ann, names: ['ann', 'joanna'] });
  await node.knowRegistry(host, gateway.caFile);

  const word = randomBytes(12).toString('hex');
  const home = mkdtempSync(join(node.folder, 'pushed-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const archive = join(home, 'tool.tar');
  const entries = [...(await boxEntries()), { kind: 'file' as const, path: 'etc/word', content: word }];
  const settings = { command: ['/bin/sleep', '2147483647'] };
  await writeImage({
    archive,
    reference: `${host}/ann/tool:v1`,
    layers: [{ comment: 'tool', entries }],
    settings,
    compress: 'none',
  });
  const certificates = join(home, 'certificates');
  mkdirSync(certificates);
  await copyFile(gateway.caFile, join(certificates, 'ca.crt'));
  const pushed = await run(
    [
      ...['skopeo', '--insecure-policy', 'copy', '--dest-cert-dir', certificates, '--dest-creds', `ann:${secret}`],
      ...[`oci-archive:${archive}`, `docker://${host}/ann/tool:v1`],
    ],
    { home, environment: { HTTPS_PROXY: await leadTo(t, gateway.port) } },
  );
  t.equal(pushed.status, 0, pushed.output);

  const named = (owner: string, name: string, more: object = {}) =>
    pod(`knot-${owner}`, name, { containers: [{ name: 'c', image: `${host}/ann/tool:v1`, ...more }] });
  /** Why its container does not run. */
  const why = async (owner: string, name: string): Promise<{ reason?: string; message?: string } | undefined> => {
    const { body } = await node.request(`/api/v1/namespaces/knot-${owner}/pods/${name}`);
    return body.status?.containerStatuses?.[0]?.state?.waiting;
  };
  /** By the registry. The runtime reads names of the node anew after some seconds only, and until then there is no such host. */
  const isRefused = (owner: string, name: string) =>
    eventually(`${name} of ${owner} is refused`, async () =>
      /denied|unauthorized|authorization failed/i.test((await why(owner, name))?.message ?? ''),
    );

  t.equal((await create('joanna', named('joanna', 'stranger'))).status, 201);
  await isRefused('joanna', 'stranger');
  t.comment((await why('joanna', 'stranger'))?.message);

  await eventually('a pull secret', async () => {
    const { status } = await node.request('/api/v1/namespaces/knot-ann/secrets/knot-harbor');
    return status === 200;
  });
  t.equal((await create('ann', named('ann', 'tool'))).status, 201);
  await node.until('pod/tool', 'condition=Ready', 'knot-ann', 60);
  t.equal(await execute(node, 'knot-ann', 'tool', 'cat', '/etc/word'), word, 'the very image that was pushed');

  t.equal((await create('joanna', named('joanna', 'late'))).status, 201);
  await isRefused('joanna', 'late');

  // Somebody spoils the secret: it is put right with the next look, which a change of the account brings about.
  const path = '/api/v1/namespaces/knot-ann/secrets/knot-harbor';
  const secretNow = async () => (await node.request(path)).body.data['.dockerconfigjson'] as string;
  const right = await secretNow();
  const spoilt = Buffer.from(JSON.stringify({ auths: { [host]: { auth: 'eDp5' } } })).toString('base64');
  const contentType = 'application/merge-patch+json';
  await node.request(path, { method: 'PATCH', contentType, body: { data: { '.dockerconfigjson': spoilt } } });
  t.equal(await secretNow(), spoilt);
  const { users } = (await ann.api('GET', '/users')).json<{ users: { id: string; username: string }[] }>();
  const { id } = users.find(({ username }) => username === 'ann')!;
  t.equal((await ann.api('PATCH', `/users/${id}`, { email: 'ann@elsewhere.example.org' })).status, 200);
  await eventually('the secret as it was', async () => (await secretNow()) === right);
  t.equal((await create('ann', named('ann', 'again', { imagePullPolicy: 'Always' }))).status, 201);
  await node.until('pod/again', 'condition=Ready', 'knot-ann', 60);
}
