import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Test } from 'tap';
import type { Launched } from '../../gateway/api/contract.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { ContractHarbor } from '../contracts/harbor/harbor.ts';
import { run } from '../contracts/tools.ts';
import { eventually } from '../support/eventually.ts';
import { leadTo } from '../support/net/lead-to.ts';
import type { RunningGateway } from '../support/process/gateway.ts';
import type { Person } from '../support/process/person.ts';
import { openRegistryTo } from '../support/process/registry-login.ts';
import { becomes, launch } from '../support/process/services.ts';

type Shown = { newerVersion?: string };

/** From `helm push` into one's own project to a release in one's own namespace, made by one's own account there; and to a newer version. */
export async function launchesPushed(
  t: Test,
  cluster: ControlPlane,
  { gateway, joanna, ann, server }: { gateway: RunningGateway; joanna: Person; ann: Person; server: ContractHarbor },
): Promise<void> {
  const { host, secret } = await openRegistryTo(t, { gateway, server, person: joanna, names: ['joanna'] });

  const home = mkdtempSync(join(tmpdir(), 'knot-pushed-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const chart = join(home, 'greeter');
  cpSync(join(import.meta.dirname, '../../charts/templates/web'), chart, { recursive: true });
  const about = readFileSync(join(chart, 'Chart.yaml'), 'utf8');
  writeFileSync(join(chart, 'Chart.yaml'), about.replace('name: web', 'name: greeter'));
  const environment = { HTTPS_PROXY: await leadTo(t, gateway.port) };
  const helm = async (...words: string[]) => {
    const { status, output } = await run([...cluster.programs.helm, ...words], { home, environment });
    t.equal(status, 0, `helm ${words[0]}: ${output}`);
  };
  const ca = ['--ca-file', gateway.caFile];
  const push = async (version: string) => {
    await helm('package', chart, '--version', version, '-d', home);
    await helm('push', join(home, `greeter-${version}.tgz`), `oci://${host}/joanna`, ...ca);
  };
  await helm('registry', 'login', host, ...ca, '-u', 'joanna', '-p', secret);
  await push('1.0.0');

  const template = 'user:joanna@registry/greeter';
  const isListed = async (person: Person) => (await person.api('GET', '/templates')).text.includes(`"${template}"`);
  await eventually('it is in her catalogue', () => isListed(joanna));
  t.equal(await isListed(ann), false, 'and in nobody else’s');
  const wanted = { template, name: 'greeter', values: { folder: '/files/private' } };
  t.ok((await ann.api('POST', '/services', wanted)).status >= 400, 'an administrator does not launch it either');
  const checked = await joanna.api('POST', '/services', { ...wanted, dryRun: true });
  t.match(checked.json<Launched>(), { obstacles: [] }, checked.text);
  const { id } = await launch(joanna, wanted);
  const shown = async () => (await joanna.api('GET', `/services/${id}`)).json<Shown>();
  await becomes(joanna, id, 'ready');
  t.match(await releaseOf(cluster, 'greeter', 1), {
    name: 'greeter',
    chart: { metadata: { name: 'greeter', version: '1.0.0' } },
  });
  const made = (await cluster.auditLog()).filter(
    ({ verb, objectRef }) =>
      /^(create|patch)$/.test(verb) && objectRef?.resource === 'deployments' && objectRef.name === 'greeter',
  );
  t.ok(made.length > 0);
  for (const { impersonatedUser } of made)
    t.equal(impersonatedUser?.username, 'system:serviceaccount:knot-joanna:knot-user');

  await push('1.1.0');
  await eventually('a newer version is offered', async () => (await shown()).newerVersion === '1.1.0');
  const upgraded = await joanna.api('POST', `/services/${id}/upgrade`, {});
  t.ok(upgraded.status < 300, upgraded.text);
  await eventually(
    'the release is of it',
    async () => (await releaseOf(cluster, 'greeter', 2))?.chart.metadata.version === '1.1.0',
  );
  await becomes(joanna, id, 'ready');
  t.ok((await joanna.api('DELETE', `/services/${id}`)).status < 300);
  await eventually('it is gone', async () => (await joanna.api('GET', `/services/${id}`)).status === 404);
}

type Release = { name: string; config: object; chart: { metadata: { name: string; version: string } } };

/** What Helm keeps of a revision of a release of hers (helm, `storage/driver`): gzipped JSON, in Base64 twice. */
export async function releaseOf(cluster: ControlPlane, name: string, revision: number): Promise<Release | undefined> {
  const path = `/api/v1/namespaces/knot-joanna/secrets/sh.helm.release.v1.${name}.v${revision}`;
  const { status, body } = await cluster.request(path);
  if (status !== 200) return undefined;
  const packed = Buffer.from((body as { data: { release: string } }).data.release, 'base64').toString();
  return JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString()) as Release;
}
