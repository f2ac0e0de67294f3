import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openKube } from '../../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../../gateway/lib/index.ts';
import { createHelm } from '../../../gateway/services/kubernetes/helm.ts';
import type { Service } from '../../../gateway/services/service.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { openHeldWrites } from './held-writes.ts';
import { type Chart, openKubernetesEngine, userOf } from './house.ts';

/** One program and one thing more, so that there are moments at which one of them is there and the other is not. */
const small: Chart = {
  'templates/a.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { say: {{ .Values.say | default "" | quote }} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: a, image: registry.test/a:1 }] }
`,
};

/**
 * Helm is killed (SIGKILL) after each of its writes was done and before it hears of that: while it installs, changes and removes. Whatever
 * it left, the next start or the same removal goes on from there.
 */
export async function survivesKills(t: Test, cluster: ControlPlane): Promise<void> {
  const own = await openKube({ kubeconfig: cluster.kubeconfig }, { clock: systemClock });
  const way = await openHeldWrites(own.connection);
  t.teardown(() => Promise.all([way.close(), own.close()]));
  const folder = t.testdir({});
  const helm = createHelm({
    ...{ program: cluster.programs.helm[0], folder: join(folder, 'helm'), userOf, log: silentLog },
    access: async () => ({ server: way.url, proxy: undefined, authorization: undefined, tls: {} }),
  });
  const { engine, service, left, kube, namespace } = await openKubernetesEngine(t, cluster, { helm });
  const phaseIs = (one: Service, wanted: string) =>
    eventually(`it is ${wanted}`, () => engine.observe(one).phase === wanted);

  /** Does it until Helm hangs at that write, and kills it there; false where there are not so many. */
  async function killedAt(write: number, act: () => Promise<unknown>, isDone: () => boolean): Promise<boolean> {
    way.hold(write);
    const acting = act();
    await eventually('Helm to hang', () => way.isHeld() || isDone());
    const isKilled = way.isHeld();
    if (isKilled) for (const pid of runningIn(join(folder, 'helm'))) process.kill(-pid, 'SIGKILL');
    await acting;
    return isKilled;
  }

  const counts = { install: 0, upgrade: 0, remove: 0 };
  for (let write = 1; ; write += 1) {
    const one = await service(small);
    const runs = (wanted: Service) => () => {
      const seen = engine.observe(wanted);
      return seen.phase === 'running' && seen.revision === wanted.revision;
    };
    const start = (wanted: Service) => killedAt(write, () => engine.start(wanted), runs(wanted));
    let now = one;
    for (const what of ['install', 'upgrade'] as const) {
      if (await start(now)) {
        counts[what] += 1;
        await phaseIs(now, 'gone');
        const { cause } = engine.observe(now) as { cause?: { what: string; remedy: string } };
        t.match(cause, { what: /./, remedy: /./ }, `${what}, write ${write}: it is told`);
        now = { ...now, revision: now.revision + 1 };
        await engine.start(now);
      }
      await phaseIs(now, 'running');
      const found = await kube.get({ ...configMap }, one.name, namespace);
      t.match(found, { data: { say: what === 'install' ? '' : 'more' } }, `${what}, write ${write}: all of it`);
      now = { ...now, revision: now.revision + 1, values: { say: 'more' } };
    }
    let isRemoved = false;
    const remove = async () => {
      await engine.remove(now);
      isRemoved = true;
    };
    if (await killedAt(write, remove, () => isRemoved)) counts.remove += 1;
    await eventually('nothing is left', async () => (await left(one)).length === 0);
    if (Math.max(...Object.values(counts)) < write) break;
  }
  t.ok(counts.install >= 4 && counts.upgrade >= 4 && counts.remove >= 3, JSON.stringify(counts));
}

const configMap = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', isNamespaced: true };

/** Each run of Helm has a folder, with who it is in it. */
function runningIn(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => join(folder, name, 'process.json'))
    .filter((file) => existsSync(file))
    .map((file) => (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid);
}
