import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { eventually } from '../../support/eventually.ts';
import { leadTo } from '../../support/net/lead-to.ts';
import type { People } from '../../support/process/people.ts';
import type { Person } from '../../support/process/person.ts';
import type { RunningNode } from './start.ts';

const run = promisify(execFile);

/** How kubectl is told not to speak WebSocket (`cmdutil.RemoteCommandWebsockets`, `PortForwardWebsockets`). */
const bySpdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };

/** A terminal in the pod `worker` of hers through `kubernetes.DOMAIN`, by the two protocols that kubectl has for it (decision 0067). */
export async function useTerminals(t: Test, node: RunningNode, { gateway }: People, joanna: Person): Promise<void> {
  const wish = { name: 'kubectl', scopes: ['kubernetes:write'], days: 1 };
  const made = await joanna.api('POST', '/tokens', wish);
  t.equal(made.status, 201);
  const { secret, token } = made.json<{ secret: string; token: { id: string } }>();
  const cluster = {
    server: `https://kubernetes.localhost:${gateway.port}`,
    'certificate-authority': gateway.caFile,
    'proxy-url': await leadTo(t, gateway.port),
  };
  const kubeconfig = join(node.folder, 'joanna.kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
      clusters: [{ name: 'k', cluster }],
      users: [{ name: 'u', user: { token: secret } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'knot-joanna' } }],
    }),
    { mode: 0o600 },
  );
  const [program, ...before] = node.programs.kubectl;
  const kubectl = async (words: string[], more: Record<string, string> = {}): Promise<string> => {
    const env = { PATH: process.env['PATH'], HOME: node.folder, ...more };
    return (await run(program, [...before, '--kubeconfig', kubeconfig, ...words], { env, timeout: 60_000 })).stdout;
  };
  /** One that goes on, and what it said so far. */
  const follow = (words: string[]) => {
    const env = { PATH: process.env['PATH'], HOME: node.folder };
    const child = spawn(program, [...before, '--kubeconfig', kubeconfig, ...words], { env });
    t.teardown(() => child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    const said = { text: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said.text += chunk.toString()));
    return { said, ended };
  };
  /** What reached the API server of terminals as her account. */
  const arrived = async (): Promise<number> =>
    (await node.auditLog()).filter(
      ({ objectRef, impersonatedUser }) =>
        /^(exec|portforward)$/.test(objectRef?.subresource ?? '') &&
        impersonatedUser?.username === 'system:serviceaccount:knot-joanna:knot-user',
    ).length;

  const words = ['exec', 'worker', '--', 'cat', '/files/private/from-browser.txt'];
  t.equal(await kubectl(words), 'from the browser');
  const seen = await arrived();
  t.ok(seen > 0);
  await t.rejects(kubectl(words, bySpdy), /upgrade|SPDY|websocket/i);
  await t.rejects(kubectl(['port-forward', 'pod/worker', ':8080'], bySpdy), /upgrade|SPDY|websocket/i);
  t.equal(await arrived(), seen, 'the API server heard nothing of it');
  await t.rejects(kubectl(['exec', '-n', 'knot-ann', 'worker', '--', 'true']), /policies do not allow|Forbidden/i);

  const forwarding = follow(['port-forward', 'pod/web', ':8080']);
  const [, port] = await eventually('a port', () => /Forwarding from 127\.0\.0\.1:(\d+)/.exec(forwarding.said.text));
  t.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'served by web\n');
  const terminal = follow(['exec', 'worker', '--', 'sh', '-c', 'echo begun; sleep 1000']);
  await eventually('a program', () => terminal.said.text.includes('begun'));
  // Both are open by the token alone.
  t.equal((await joanna.api('DELETE', `/tokens/${token.id}`)).status, 204);
  await terminal.ended;
  await eventually('nothing to come through', () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => false,
      () => true,
    ),
  );
  await t.rejects(kubectl(words), /logged in|Unauthorized|not valid/i);
}
