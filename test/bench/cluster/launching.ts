import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { openKubernetesEngine, web } from '../../services/kubernetes/house.ts';
import { eventually } from '../../support/eventually.ts';
import { median } from '../generators.ts';
import type { Note } from './cluster.ts';

const run = promisify(execFile);

/** From the wish to a program that is ready, by Knot and by Helm alone, in turns: the same chart, whose pods are ready at once. */
export async function measureLaunching(cluster: ControlPlane, rounds: number, note: Note): Promise<void> {
  const endings: (() => Promise<void>)[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'knot-launching-'));
  try {
    const t = { teardown: (end: () => Promise<void>) => void endings.push(end) } as unknown as Test;
    const { engine, service, namespace } = await openKubernetesEngine(t, cluster);
    const chart = writeChart(folder);
    const times: Record<'knot' | 'helm', number[]> = { knot: [], helm: [] };
    for (let round = 0; round <= rounds * 3; round++) {
      const one = await service(web());
      const byKnot = await took(async () => {
        await engine.start(one);
        await eventually('a service that runs', () => engine.observe(one).phase === 'running');
      });
      const byHelm = await took(() => installAlone(cluster, { chart, folder, name: `alone-${round}`, namespace }));
      // The first loads what is loaded once.
      if (round > 0) times.knot.push(byKnot);
      if (round > 0) times.helm.push(byHelm);
    }
    const value = (median(times.knot) - median(times.helm)) / 1000;
    note({ what: 'helm install, to an address that is ready', value: median(times.helm), unit: 'ms' });
    note({ what: 'what a launch by Knot adds', value, unit: 's', bar: '≤ 0.5', isMet: value <= 0.5 });
  } finally {
    for (const end of endings.reverse()) await end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function took(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

function writeChart(folder: string): string {
  const chart = join(folder, 'chart');
  const files = {
    'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    'values.yaml': 'knot: { hostname: web.example.org }\n',
    ...web(),
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(chart, name)), { recursive: true });
    writeFileSync(join(chart, name), text);
  }
  return chart;
}

async function installAlone(
  { programs, kubeconfig, request }: ControlPlane,
  { chart, folder, name, namespace }: { chart: string; folder: string; name: string; namespace: string },
): Promise<void> {
  const [program, ...before] = programs.helm;
  await run(program, [...before, 'install', name, chart, '--namespace', namespace], {
    env: { HOME: folder, KUBECONFIG: kubeconfig },
  });
  await eventually('an address behind its Service', async () => {
    const query = `labelSelector=kubernetes.io/service-name%3D${name}`;
    const { body } = await request(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${query}`);
    const slices = body.items as { endpoints: { conditions: { ready?: boolean } }[] | null }[];
    return slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions.ready));
  });
}
