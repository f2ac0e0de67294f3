import type { Test } from 'tap';
import { kinds } from '../../../gateway/kube/index.ts';
import { pauseAll, resumeAll } from '../../../gateway/provisioning/pause.ts';
import type { Engine } from '../../../gateway/services/index.ts';
import type { Service } from '../../../gateway/services/service.ts';
import { eventually } from '../../support/eventually.ts';
import { type House, web } from './house.ts';

type Phase = (engine: Engine, service: Service, wanted: string) => Promise<unknown>;

/** A service is stopped and started, changed, and its place paused meanwhile: what rests, and how many there are of what runs. */
export async function restsAndRuns(t: Test, { engine, kube, namespace, service }: House, phase: Phase): Promise<void> {
  const task = (name: string, spec: string) => `---
apiVersion: batch/v1
kind: CronJob
metadata: { name: ${name}-{{ .Release.Name }} }
spec: { schedule: "0 0 1 1 *", ${spec}jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: registry.test/a:1 }] } } } } }
`;
  const idle = `---
apiVersion: batch/v1
kind: Job
metadata: { name: idle-{{ .Release.Name }} }
spec: { suspend: true, template: { spec: { restartPolicy: Never, containers: [{ name: a, image: registry.test/a:1 }] } } }
`;
  const own = task('off', 'suspend: true, ') + task('on', '') + task('by-hand', '') + idle;
  let one = await service(web({ replicas: '2', more: own }));
  const next = async (more: Partial<typeof one> = {}) => {
    one = { ...one, ...more, revision: one.revision + 1 };
    await engine.start(one);
    await phase(engine, one, 'running');
  };
  /** How many there are of its program, and which of its tasks rest. */
  const seen = async () => {
    const program = await kube.get(kinds.deployment, one.name, namespace);
    const tasks = await Promise.all(
      [kinds.cronJob, kinds.job].map((kind) => kube.list(kind, { namespace, labels: `knot/service=${one.id}` })),
    );
    const resting = tasks
      .flatMap(({ items }) => items)
      .filter(({ spec }) => (spec as { suspend?: boolean }).suspend === true)
      .map(({ metadata }) => metadata.name.replace(`-${one.name}`, ''));
    return [(program as { spec?: { replicas?: number } } | undefined)?.spec?.replicas, ...resting.sort()];
  };
  await engine.start(one);
  await phase(engine, one, 'running');
  t.strictSame(await seen(), [2, 'idle', 'off'], 'as its chart says');
  await kube.merge(kinds.cronJob, `by-hand-${one.name}`, namespace, { spec: { suspend: true } });
  await engine.stop(one);
  t.strictSame(await seen(), [0, 'by-hand', 'idle', 'off', 'on']);
  await next();
  t.strictSame(await seen(), [2, 'by-hand', 'idle', 'off'], 'after a stop');
  await next({ values: { say: 'other' } });
  t.strictSame(await seen(), [2, 'by-hand', 'idle', 'off'], 'after a change');

  await engine.stop(one);
  await pauseAll(kube, namespace);
  await resumeAll(kube, namespace);
  t.strictSame(await seen(), [0, 'by-hand', 'idle', 'off', 'on'], 'the place goes on, and the service is stopped');
  await pauseAll(kube, namespace);
  one = { ...one, revision: one.revision + 1 };
  await engine.start(one);
  await eventually('it was handed over', async () => !('cause' in engine.observe(one)));
  await eventually('it is let go', async () => {
    const found = await kube.get(kinds.deployment, one.name, namespace);
    return found?.metadata.annotations?.['knot/revision'] === String(one.revision);
  });
  t.strictSame(await seen(), [0, 'by-hand', 'idle', 'off', 'on'], 'it is woken, and its place is paused');
  await resumeAll(kube, namespace);
  await phase(engine, one, 'running');
  t.strictSame(await seen(), [2, 'by-hand', 'idle', 'off']);

  await pauseAll(kube, namespace);
  await engine.stop(one);
  await resumeAll(kube, namespace);
  t.strictSame(await seen(), [0, 'by-hand', 'idle', 'off', 'on'], 'it was stopped while its place was paused');
  const changed = await service(web({ replicas: '2', more: own.replace(/name: on-.*\nspec: {/, '$& suspend: true,') }));
  await next({ template: changed.template });
  t.strictSame(await seen(), [2, 'by-hand', 'idle', 'off', 'on'], 'its chart lets one more rest now');
  await engine.stop(one);
  await kube.merge(kinds.deployment, one.name, namespace, {
    metadata: { annotations: { 'knot/before-stop': null } },
  });
  await next();
  t.match(await seen(), [2], 'what somebody scaled to none by hand runs when it is started');
  await engine.stop(one);
  await engine.remove(one);
}
