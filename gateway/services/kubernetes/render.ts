import type { JsonObject } from '../../lib/index.ts';
import type { Obstacle } from '../refusals.ts';
import { readManifestAside } from './aside.ts';
import { type Helm, HelmFailure } from './helm.ts';
import { type Grounds, judge, type Judged } from './judge.ts';
import { mereSize, mostManifestBytes, NotAManifest } from './manifest.ts';
import { sayHelm } from './say-helm.ts';

const renderMs = 30_000;

/** What a chart makes of values, judged. The cluster is read with the rights of the owner, and nothing is written. */
export async function renderChart(
  helm: Helm,
  {
    chart,
    values,
    isUpgrade,
    signal,
    ...grounds
  }: Grounds & { chart: string; values: JsonObject; isUpgrade: boolean; signal?: AbortSignal },
): Promise<Judged | { problems: Obstacle[] }> {
  const args = [
    ...['template', grounds.release, chart, '--values', '-', '--include-crds'],
    // What a person chose was checked by the schema already; what Knot adds is not in it.
    '--skip-schema-validation',
    ...(isUpgrade ? ['--is-upgrade'] : []),
  ];
  const ending = new AbortController();
  const run = async (more: readonly string[]): Promise<string> =>
    helm.run({
      args: [...args, ...more],
      namespace: grounds.namespace,
      input: JSON.stringify(values),
      timeoutMs: renderMs,
      mostBytes: 2 * mostManifestBytes,
      signal: AbortSignal.any([ending.signal, ...(signal ? [signal] : [])]),
    });
  try {
    await helm.isFour();
    const real = run(['--dry-run=server']);
    // Beside it without the cluster: Helm asks there for each object, and of ten thousand that takes minutes.
    const tooMuch = run(['--dry-run=client']).then(mereSize, () => undefined);
    const first = await Promise.race([real.catch(() => undefined), tooMuch.then((reason) => reason && { reason })]);
    if (typeof first === 'object') throw new NotAManifest(first.reason);
    return judge(await readManifestAside(await real), grounds);
  } catch (error) {
    if (error instanceof NotAManifest)
      return { problems: [{ field: 'template', message: `What the template renders is refused: ${error.message}.` }] };
    if (error instanceof HelmFailure && error.kind !== 'ended') {
      const { what, remedy } = sayHelm(error, 'render');
      return { problems: [{ field: 'template', message: what, remedy }] };
    }
    throw error;
  } finally {
    ending.abort();
  }
}
