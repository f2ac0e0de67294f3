import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { inParallel } from './in-parallel.ts';
import { podOf, serviceOf } from './samples.ts';
import type { ClusterSetting, Note } from './cluster.ts';

/** What a process has to tell that keeps them (cache-keeper.ts). */
export type Kept = { kibibytes: number; milliseconds: number; objects: number };

/** Five thousand pods that run and two thousand services, over a hundred namespaces, as a cache of the gateway keeps them. */
export async function measureCache(
  { request, kubeconfig }: ControlPlane,
  { isQuick }: ClusterSetting,
  note: Note,
): Promise<void> {
  const pods = isQuick ? 500 : 5000;
  const services = isQuick ? 200 : 2000;
  const spaces = isQuick ? 10 : 100;
  const make = async (path: string, body: object): Promise<void> => {
    const { status, body: answer } = await request(path, { method: 'POST', body });
    if (status !== 201) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  };
  const space = (n: number) => `many-${n % spaces}`;
  await inParallel(spaces, (n) => make('/api/v1/namespaces', { metadata: { name: space(n) } }));
  // Until it has a service account a namespace takes no pod.
  await inParallel(spaces, (n) =>
    eventually('a service account', async () => {
      const answer = await request(`/api/v1/namespaces/${space(n)}/serviceaccounts/default`);
      return answer.status === 200;
    }),
  );
  await inParallel(services, (n) => make(`/api/v1/namespaces/${space(n)}/services`, serviceOf(`service-${n}`)));
  await inParallel(pods, (n) => make(`/api/v1/namespaces/${space(n)}/pods`, podOf(`pod-${n}`)));
  await eventually(
    'as many pods that run',
    async () => {
      const { body } = await request('/api/v1/pods?limit=1&fieldSelector=status.phase%21%3DRunning');
      return body.items.length === 0;
    },
    300_000,
  );
  const keeper = fork(join(import.meta.dirname, 'cache-keeper.ts'), [kubeconfig], { execArgv: ['--expose-gc'] });
  const [kept] = (await once(keeper, 'message')) as [Kept];
  keeper.kill('SIGKILL');
  if (kept.objects !== pods + services) throw new Error(`only ${kept.objects} are kept`);
  const value = kept.kibibytes / 1024;
  const what = `cache of ${pods} pods and ${services} services`;
  note({ what, value, unit: 'MiB', bar: '≤ 150', isMet: value <= 150 });
  note({ what: 'the same, until all of them are known', value: kept.milliseconds, unit: 'ms' });
}
