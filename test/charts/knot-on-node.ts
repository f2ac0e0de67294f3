import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { writeImage } from '../../gateway/bin/image/index.ts';
import { knotImage } from '../../gateway/bin/image/knot.ts';
import { object } from '../cluster/node/pods.ts';
import type { RunningNode } from '../cluster/node/start.ts';
import { eventually } from '../support/eventually.ts';
import { toLoopback } from '../support/process/person.ts';

/** What a real node needs before the chart of Knot is installed on it: its image, and volumes, for which there is no storage class. */

const root = join(import.meta.dirname, '../..');
const reference = 'registry.test/knot:tried';

/** Makes the image of this checkout and imports it. @returns what the chart is told about it, and how pods of tests name it */
export async function importKnot(node: RunningNode) {
  const archive = join(node.folder, 'knot.tar');
  const image = knotImage({ root, helm: node.programs.helm[0], createdAt: 0 });
  await writeImage({ ...image, archive, reference, compress: 'none' });
  await node.import(archive);
  rmSync(archive);
  const [repository, tag] = reference.split(':');
  return { reference, image: { repository, tag, pullPolicy: 'Never' } };
}

/** A volume for one claim of the namespace `knot`, a folder that belongs to an account. @returns the folder */
export async function giveVolume(
  node: RunningNode,
  claim: string,
  { account, accessMode = 'ReadWriteOnce' }: { account: number; accessMode?: string },
): Promise<string> {
  const path = join(node.files, claim);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, account, account);
  await node.apply(
    object('v1', 'PersistentVolume', undefined, claim, {
      accessModes: [accessMode],
      capacity: { storage: '100Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace: 'knot', name: claim },
      hostPath: { path, type: 'Directory' },
    }),
  );
  return path;
}

/** `helm install --wait` or `helm upgrade --wait` of a chart in the namespace `knot`. @throws with how its pods are, when they do not become ready */
export async function installed(
  node: RunningNode,
  helm: (args: readonly string[], options: { input: string }) => Promise<string>,
  act: 'install' | 'upgrade',
  [release, chart]: [string, string],
  values: object,
): Promise<void> {
  const where = ['--kubeconfig', node.kubeconfig, '--namespace', 'knot', '--values', '-'];
  const words = [act, release, chart, ...where, '--wait', '--timeout', '3m'];
  await helm(words, { input: JSON.stringify(values) }).catch(async (error: unknown) => {
    const pods = await node.kubectl('get', 'pods', '-n', 'knot', '-o', 'name');
    const logs = pods.split('\n').filter((pod) => pod !== '');
    const told = [
      ['describe', 'pods', '-n', 'knot'],
      ...logs.map((pod) => ['logs', '-n', 'knot', pod, '--all-containers']),
    ];
    throw new Error(
      `${String(error)}\n${(await Promise.all(told.map((line) => node.kubectl(...line).catch(String)))).join('\n')}`,
    );
  });
}

/** What Knot made its certificates with, to be believed by browsers, once it is reached. @returns the file */
export async function authorityOf(node: RunningNode, origin: string): Promise<string> {
  // Believed once, by who is about to learn whom to believe; nothing is told there, and it is this machine.
  const here = new Agent({ connect: { rejectUnauthorized: false, lookup: toLoopback as never } });
  // A pod is ready a moment before the node leads its address there.
  const authority = await eventually('the gateway is reached', () =>
    request(new URL('/ca.pem', origin), { dispatcher: here })
      .then(({ body }) => body.text())
      .catch(() => undefined),
  );
  await here.close();
  const caFile = join(node.folder, 'knot-ca.pem');
  writeFileSync(caFile, authority);
  return caFile;
}
