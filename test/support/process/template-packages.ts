import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runKnot } from './gateway.ts';
import { testCache } from './test-cache.ts';

/** Packages of the templates that Knot ships, kept between runs: each set of versions is made once. */
export const cachedPackages = join(testCache, 'template-packages');

/** Installs what is not there. @throws with what went wrong */
export async function prepareTemplates(names: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-prepare-'));
  const config = join(folder, 'knot.yaml');
  writeFileSync(config, stringify({ data: join(folder, 'data'), services: { packages: cachedPackages } }));
  try {
    for (const name of names) {
      const { status, stderr } = await runKnot(['template', 'prepare', name, '--config', config]);
      if (status !== 0) throw new Error(stderr);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
