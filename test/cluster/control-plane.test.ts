import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { t } from 'tap';
import { startControlPlane } from './control-plane.ts';
import { eventually } from '../support/eventually.ts';

const cluster = await startControlPlane(t);
if ('skip' in cluster) {
  t.test('a control plane', { skip: cluster.skip }, async () => undefined);
} else {
  t.test('a Deployment of three becomes available on a simulated node', async (t) => {
    await cluster.kubectl('create', 'deployment', 'web', '--image=registry.test/web:1', '--replicas=3');
    const { status } = await eventually('an available deployment', async () => {
      const { body } = await cluster.request('/apis/apps/v1/namespaces/default/deployments/web');
      return body.status?.availableReplicas === 3 && body;
    });
    t.equal(status.readyReplicas, 3);
  });

  t.test('nothing is left of it: no process, no folder', async (t) => {
    t.ok(processesOf(cluster.folder).length >= 5, 'there is something to be seen');
    await cluster.stop();
    t.same(processesOf(cluster.folder), []);
    t.notOk(existsSync(cluster.folder));
  });
}

/** Command lines with the folder in them. */
function processesOf(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (line.includes(folder)) found.push(line);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
