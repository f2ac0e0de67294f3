import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { startControlPlane } from '../cluster/control-plane.ts';
import { asGateway } from '../charts/as-gateway.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { leadTo } from '../support/net/lead-to.ts';
import { startGateway } from '../support/process/gateway.ts';
import { createPerson, type Person } from '../support/process/person.ts';

/** From a laptop: `knot login`, `knot kubeconfig`, and kubectl under one's own name, through Knot and past it. */
const password = 'correct-horse-staple-7';
const listen = `127.0.0.1:${await freePort()}`;
const issuer = `https://localhost:${listen.split(':')[1]}/oidc`;
const data = t.testdir({});
const config = { listen, integrations: { jupyterhub: { mode: 'off' } } };

// Whose authority the API server is to trust is made at the first start.
const first = await startGateway({ config, data });
await first.stop();
const cluster = await startControlPlane(t, {
  nodes: 0,
  authentication: {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: { url: issuer, audiences: ['knot-cli'], certificateAuthority: readFileSync(first.caFile, 'utf8') },
        claimMappings: {
          username: { claim: 'preferred_username', prefix: 'knot:' },
          groups: { claim: 'groups', prefix: '' },
        },
      },
    ],
  },
});
const skip = 'skip' in cluster ? cluster.skip : false;

t.test('kubectl from a laptop', { skip }, async (t) => {
  if ('skip' in cluster) return;
  const { kubeconfig } = await asGateway(cluster);
  const admission = { listen: `127.0.0.1:${await freePort()}` };
  const gateway = await startGateway({
    config: {
      ...config,
      engine: 'kubernetes',
      kubernetes: {
        kubeconfig,
        storage: { path: '/srv/files' },
        admission: { ...admission, url: `https://${admission.listen}` },
      },
    },
    data,
  });
  t.teardown(() => gateway.stop());
  for (const name of ['ann', 'joanna'])
    await gateway.knot(['user', 'add', name, '--email', `${name}@example.org`, '--password-file', '-'], password);
  const ann = createPerson(gateway);
  t.teardown(() => ann.close());
  await ann.signIn('ann', password);

  // Another machine: no configuration, no data folder, a home of its own.
  const home = t.testdir({ bin: {} });
  const main = join(import.meta.dirname, '../../gateway/main.ts');
  const environment = { PATH: `${join(home, 'bin')}:${process.env['PATH']}`, HOME: home, XDG_CONFIG_HOME: home };
  writeFileSync(join(home, 'bin/knot'), `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`);
  chmodSync(join(home, 'bin/knot'), 0o755);
  const run = promisify(execFile);
  const knot = async (...args: string[]) =>
    (await run(join(home, 'bin/knot'), args, { env: environment, cwd: home })).stdout;
  await logIn(
    [join(home, 'bin/knot'), 'login', gateway.origin, '--ca', gateway.caFile],
    environment,
    ann,
    gateway.origin,
  );

  const [program, ...before] = cluster.programs.kubectl;
  const kubectl = async (file: string, ...args: string[]) =>
    (await run(program, [...before, '--kubeconfig', file, ...args], { env: environment, cwd: home })).stdout;
  const written = async (name: string, text: string) => {
    const file = join(home, name);
    writeFileSync(file, text);
    return file;
  };

  await t.test('through Knot, in the namespace that was made for the person', async (t) => {
    const text = await knot('kubeconfig');
    t.notMatch(text, /token:|knot_pat_/, 'it holds no secret');
    const proxy = await leadTo(t, gateway.port);
    const file = await written('through', text.replace('server: ', `proxy-url: ${proxy}\n      server: `));
    await eventually('her place is there', async () =>
      (await kubectl(file, 'get', 'resourcequotas', '-o', 'name').catch(() => '')).includes('knot'),
    );
    await kubectl(file, 'create', 'configmap', 'mine', '--from-literal=a=b');
    t.match(await kubectl(file, 'auth', 'whoami'), /system:serviceaccount:knot-ann:knot-user/);
    await t.rejects(kubectl(file, 'get', 'configmaps', '-n', 'knot-joanna'), /KNOT_PROXY_DENIED|Forbidden|forbidden/);
    await t.rejects(kubectl(file, 'delete', 'resourcequota', '--all'), /forbidden/);
  });

  await t.test('past Knot, to an API server that trusts it', async (t) => {
    const ca = cluster.caFile;
    const file = await written('past', await knot('kubeconfig', '--direct', cluster.server, '--direct-ca', ca));
    const who = await eventually('she is known', () => kubectl(file, 'auth', 'whoami').catch(() => ''));
    t.match(who, /knot:ann/);
    t.match(who, /knot:user:ann/);
    t.match(await kubectl(file, 'get', 'configmaps', '-o', 'name'), /configmap\/mine/);
    await t.rejects(kubectl(file, 'get', 'configmaps', '-n', 'knot-joanna'), /"knot:ann" cannot list/);
  });

  await t.test('who is signed out there is nobody to it', async (t) => {
    await knot('logout');
    await t.rejects(knot('kubeconfig', 'token'), /KNOT_CLI_SIGNED_OUT/);
    await t.rejects(knot('kubeconfig', '--direct-ca', 'x', '--at', gateway.origin), /--direct-ca belongs to --direct/);
  });
});

/** The code that the terminal shows is entered in the browser. */
async function logIn(command: readonly string[], environment: NodeJS.ProcessEnv, person: Person, origin: string) {
  const [program, ...args] = command;
  const login = spawn(program!, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  let shown = '';
  login.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const ended = once(login, 'exit');
  const code = await eventually(
    () => `a code: ${shown}`,
    () => /\n {4}([B-Z]{4}-[B-Z]{4})\n/.exec(shown)?.[1],
  );
  const fieldsOf = (page: string) =>
    Object.fromEntries([...page.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));
  const form = fieldsOf((await person.visit(`${origin}/oidc/device`)).text);
  const confirm = await person.submit('/oidc/device', { ...form, user_code: code });
  const { abort: _abort, ...yes } = fieldsOf(confirm.text);
  await person.submit('/oidc/device', yes);
  await ended;
}
