import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Kube, openKube, type Pace, usualPace } from '../../../gateway/kube/index.ts';
import { type Clock, type Log, silentLog, systemClock } from '../../../gateway/lib/index.ts';
import { type FakeApiServer, startFakeApiServer } from './fake.ts';

export type LogLine = { level: 'info' | 'warn' | 'error'; fields: object; message: string };

/** Pauses and patience as short as a test can bear. */
export const quick: Pace = { ...usualPace, firstPauseMs: 5, mostPauseMs: 20, goodMs: 60_000 };

/** A kubeconfig as programs make it; what is given of cluster and user is put in place of its own. */
export function kubeconfigOf(
  folder: string,
  server: { url: string; ca: string },
  { cluster = {}, user = { token: 'admin' } }: { cluster?: object; user?: object } = {},
): string {
  const file = join(folder, 'kubeconfig');
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'it' },
    clusters: [
      {
        name: 'it',
        cluster: {
          server: server.url,
          'certificate-authority-data': Buffer.from(server.ca).toString('base64'),
          ...cluster,
        },
      },
    ],
    users: [{ name: 'knot', user }],
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'knot' } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** A fake API server and Knot's way to it. Both end with the test. */
export async function openFake(
  t: Test,
  { pace = quick, clock = systemClock, ...how }: { pace?: Pace; clock?: Clock; cluster?: object; user?: object } = {},
): Promise<{ fake: FakeApiServer; kube: Kube; kubeconfig: string; lines: LogLine[] }> {
  const fake = await startFakeApiServer({ clock });
  const kubeconfig = kubeconfigOf(t.testdir({}), fake, how);
  const lines: LogLine[] = [];
  const write = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  const log: Log = { ...silentLog, info: write('info'), warn: write('warn'), error: write('error') };
  const kube = await openKube({ kubeconfig }, { clock, log, pace });
  t.teardown(async () => {
    await kube.close();
    await fake.close();
  });
  return { fake, kube, kubeconfig, lines };
}
