import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { clusterPrograms, type Programs } from '../cluster/build.ts';

export const chartFolder = join(import.meta.dirname, '../../charts/knot');

/** An object of the API, as far as tests look into one. */
export type KubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // What is in it depends on the kind.
  spec?: ReturnType<typeof JSON.parse>;
  [key: string]: unknown;
};

/** Runs Helm with folders of its own. Resolves with what it said. @throws Error with what it complained about */
export type Helm = (args: readonly string[], options?: { input?: string }) => Promise<string>;

/** The Helm that the test cluster is built with; what it keeps is removed at teardown. */
export async function openHelm(t: { teardown(act: () => void): void }): Promise<Helm | { skip: string }> {
  const programs = await clusterPrograms();
  if ('skip' in programs) return { skip: String(programs.skip) };
  const home = mkdtempSync(join(tmpdir(), 'knot-helm-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  return helmIn(home, programs.helm);
}

/** Keeps what it keeps in a folder of the caller's. */
export function helmIn(home: string, [program, ...before]: Programs['helm']): Helm {
  // HOME too: what the API server offers is remembered there.
  const folders = { HOME: home, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  const env = { PATH: process.env['PATH'], ...folders };
  return (args, { input } = {}) =>
    new Promise((resolve, reject) => {
      const child = execFile(program, [...before, ...args], { env, maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
        error ? reject(new Error(stderr || error.message)) : resolve(stdout),
      );
      child.stdin!.on('error', () => undefined);
      child.stdin!.end(input ?? '');
    });
}

/** The objects in what `helm template` printed. */
export function objectsIn(manifest: string): KubernetesObject[] {
  return parseAllDocuments(manifest)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}
