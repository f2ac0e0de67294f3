import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import type { Argo } from '../cluster/argo/start.ts';
import { hello } from '../cluster/argo/workflows.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import type { ArgoHouse } from './argo-fixture.ts';

/** What people run in a terminal, with a personal token: `argo` over HTTP/1.1 and gRPC, and kubectl. */
export async function goTheSameWay(
  t: Test,
  { gateway, ann, person, idOf, place, accountsIn, until }: ArgoHouse,
  { cluster, argo }: { cluster: ControlPlane; argo: Pick<Argo, 'programs'> },
): Promise<void> {
  const joanna = await person('joanna');
  const { id: team } = (await ann.api('POST', '/teams', { name: 'chess', title: 'Chess' })).json<{ id: string }>();
  const joannasId = await idOf('joanna');
  await ann.api('PUT', `/teams/${team}/members/${joannasId}`, { role: 'member' });
  await place('knot-team-chess');
  await eventually('her rights in it', async () => (await accountsIn('knot-team-chess'))?.includes('knot-joanna'));

  const tokenOf = async (...scopes: string[]) =>
    (await joanna.api('POST', '/tokens', { name: scopes.join(), scopes, days: 1 })).json<{ secret: string }>().secret;
  const [secret, reading, other] = [
    await tokenOf('workflows:write', 'kubernetes:write'),
    await tokenOf('workflows:read', 'kubernetes:read'),
    await tokenOf('files:write'),
  ];
  // Go resolves no name below `localhost` by itself.
  const hosts = join(cluster.folder, 'hosts');
  writeFileSync(hosts, '127.0.0.1 argo.localhost kubernetes.localhost\n');
  const withHosts = ['--bind', '/', '/', '--dev', '/dev', '--ro-bind', hosts, '/etc/hosts', '--'];
  const run = promisify(execFile);
  const environment = { HOME: cluster.folder, PATH: '/usr/bin:/bin' };
  const command = async (token: string, http1: boolean, ...args: string[]) => {
    const { stdout } = await run('bwrap', [...withHosts, argo.programs.argo, ...args], {
      env: {
        ...environment,
        ARGO_SERVER: `argo.localhost:${gateway.port}`,
        ARGO_TOKEN: `Bearer ${token}`,
        ARGO_SECURE: 'true',
        ARGO_INSECURE_SKIP_VERIFY: 'true',
        ...(http1 && { ARGO_HTTP1: 'true' }),
      },
    });
    return stdout;
  };
  const file = join(cluster.folder, 'of-cli.yaml');
  writeFileSync(file, JSON.stringify({ ...hello('by-command'), metadata: { generateName: 'by-command-' } }));

  for (const http1 of [true, false])
    await t.test(`argo over ${http1 ? 'HTTP/1.1' : 'gRPC'}, within the scope of a token`, async (t) => {
      const submit = (token: string, namespace: string) =>
        command(token, http1, 'submit', '-n', namespace, file, '-o', 'name');
      t.match(await command(secret, http1, 'list', '-n', 'knot-joanna'), /first .*Succeeded/);
      t.match(await submit(secret, 'knot-joanna'), /by-command/);
      // Every call of gRPC is a POST, of which the gateway cannot tell that it only reads.
      if (http1) t.match(await command(reading, http1, 'list', '-n', 'knot-joanna'), /first /);
      else await t.rejects(command(reading, http1, 'list', '-n', 'knot-joanna'));
      await t.rejects(command(secret, http1, 'list', '-n', 'knot-bob'));
      await t.rejects(command(secret, http1, 'list', '-A'));
      await t.rejects(command(other, http1, 'list', '-n', 'knot-joanna'));
      await t.rejects(submit(reading, 'knot-joanna'));

      const ofTeam = (await submit(secret, 'knot-team-chess')).trim();
      t.match(ofTeam, /^by-command-/, 'a team of hers');
      t.match(await command(secret, http1, 'list', '-n', 'knot-team-chess'), new RegExp(ofTeam));
      await t.rejects(command(secret, http1, 'list', '-n', 'knot-team-physics'), 'a team that she is not in any more');
    });

  const kubeconfig = (token: string): string => {
    const name = join(cluster.folder, `kubeconfig-${token.slice(-6)}`);
    const server = `https://kubernetes.localhost:${gateway.port}`;
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'knot' },
      clusters: [{ name: 'knot', cluster: { server, 'certificate-authority': gateway.caFile } }],
      users: [{ name: 'joanna', user: { token } }],
      contexts: [{ name: 'knot', context: { cluster: 'knot', user: 'joanna', namespace: 'knot-joanna' } }],
    };
    writeFileSync(name, JSON.stringify(config), { mode: 0o600 });
    return name;
  };
  const [program, ...before] = cluster.programs.kubectl;
  const kubectl = async (token: string, ...args: string[]) => {
    const asked = [program, ...before, `--kubeconfig=${kubeconfig(token)}`, ...args];
    return (await run('bwrap', [...withHosts, ...asked], { env: environment })).stdout;
  };

  await t.test('kubectl gets and creates workflows, of oneself and of one’s team', async (t) => {
    t.match(await kubectl(secret, 'get', 'workflow', 'first'), /first +Succeeded/);
    const made = await kubectl(secret, 'create', '-f', file, '-o', 'name');
    t.match(made, /^workflow\.argoproj\.io\/by-command-/);
    await until(joanna, 'knot-joanna', made.trim().split('/')[1]!, 'Succeeded');
    const ofTeam = await kubectl(secret, '-n', 'knot-team-chess', 'create', '-f', file, '-o', 'name');
    t.match(await kubectl(secret, '-n', 'knot-team-chess', 'get', 'wf', '-o', 'name'), ofTeam.trim());
    t.match(await kubectl(reading, 'get', 'wf', '-o', 'name'), 'workflow.argoproj.io/first');
    await t.rejects(kubectl(reading, 'create', '-f', file), /[Ff]orbidden|403|scope|read/);
    for (const namespace of ['knot-bob', 'knot-team-physics'])
      await t.rejects(kubectl(secret, '-n', namespace, 'get', 'workflow'), namespace);
    await t.rejects(kubectl(secret, 'get', 'workflow', '--all-namespaces'));
  });

  await t.test('who leaves a team has no way to its workflows any more, whichever program asks', async (t) => {
    await ann.api('DELETE', `/teams/${team}/members/${joannasId}`);
    await eventually('no rights in it', async () => !(await accountsIn('knot-team-chess'))?.includes('knot-joanna'));
    for (const http1 of [true, false]) await t.rejects(command(secret, http1, 'list', '-n', 'knot-team-chess'));
    await t.rejects(kubectl(secret, '-n', 'knot-team-chess', 'get', 'workflow'));
  });
}
