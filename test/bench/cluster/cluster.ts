import { type ControlPlane, startControlPlane, type ControlPlaneOptions } from '../../cluster/control-plane.ts';
import type { FileFigure } from '../files.ts';
import { median } from '../generators.ts';
import { startNode } from '../../cluster/node/start.ts';
import { callerCertificate } from '../../support/cluster-callers.ts';
import { measureAdmission } from './admission.ts';
import { measureCache } from './cache.ts';
import { measureLaunching } from './launching.ts';
import { measureProvisioning } from './provisioning.ts';
import { measureRoute } from './route.ts';

/** What a cluster costs Knot, on a real API server with simulated nodes (test/cluster). */

export type ClusterSetting = { isQuick: boolean };
export type Note = (figure: FileFigure) => void;

/** Each has a cluster of its own. */
export async function measureCluster(setting: ClusterSetting, rounds: number): Promise<FileFigure[]> {
  const figures: FileFigure[] = [];
  const note: Note = (figure) => {
    figures.push(figure);
    const bar = figure.bar === undefined ? '' : `  (${figure.bar}: ${figure.isMet ? 'met' : 'MISSED'})`;
    console.log(`${figure.what}: ${figure.value.toFixed(2)} ${figure.unit}${bar}`);
  };
  await measureStart(rounds, note);
  await measureNodeStart(rounds, note);
  await onCluster({ nodes: 10 }, (cluster) => measureCache(cluster, setting, note));
  await onCluster({ nodes: 0 }, (cluster) => measureProvisioning(cluster, setting, note));
  await onCluster({}, (cluster) => measureLaunching(cluster, rounds, note));
  await onCluster({}, (cluster) => measureRoute(cluster, rounds, note));
  await withCallers(async (callers) =>
    onCluster({ nodes: 0, flags: callers.flags }, (cluster) => measureAdmission(cluster, callers, setting, note)),
  );
  return figures;
}

/** The API server shows a certificate to whom it asks. */
async function withCallers(
  act: (callers: Awaited<ReturnType<typeof callerCertificate>>) => Promise<void>,
): Promise<void> {
  const endings: (() => Promise<void>)[] = [];
  try {
    await act(await callerCertificate({ teardown: (end) => void endings.push(end) }));
  } finally {
    for (const end of endings) await end();
  }
}

/** Gives a cluster to an act and ends it afterwards. @throws where there can be none */
async function onCluster<T>(options: ControlPlaneOptions, act: (cluster: ControlPlane) => Promise<T>): Promise<T> {
  const endings: (() => Promise<void>)[] = [];
  try {
    const cluster = await startControlPlane({ teardown: (end) => void endings.push(end) }, options);
    if ('skip' in cluster) throw new Error(cluster.skip);
    return await act(cluster);
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function measureStart(rounds: number, note: Note): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++)
    times.push(await onCluster({}, async ({ startedInMs }) => startedInMs / 1000));
  const value = median(times);
  note({ what: 'start of the test cluster', value, unit: 's', bar: '≤ 6', isMet: value <= 6 });
}

/** Of a node on which pods run; where there can be none, nothing is said of it. */
async function measureNodeStart(rounds: number, note: Note): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const endings: (() => Promise<void>)[] = [];
    const startedAt = performance.now();
    try {
      const node = await startNode({ teardown: (end) => void endings.push(end) });
      if ('skip' in node) return console.log(`start of a real node: ${node.skip}`);
      times.push((performance.now() - startedAt) / 1000);
    } finally {
      for (const end of endings.reverse()) await end();
    }
  }
  note({ what: 'start of the test cluster with a real node', value: median(times), unit: 's' });
}
