import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { knotPath } from '../../lib/index.ts';

const name = 'knot-home';

/**
 * Puts the extension that leads home from JupyterLab into a folder of extensions. What JupyterLab reads of it stands in its
 * documentation under "prebuilt extensions": `package.json` names the file to load and the module to ask it for.
 */
export function writeLabExtension(folder: string, home: string): void {
  const target = join(folder, name);
  mkdirSync(join(target, 'static'), { recursive: true });
  for (const path of [folder, target, join(target, 'static')]) chmodSync(path, 0o755);
  const source = readFileSync(join(import.meta.dirname, 'lab/remoteEntry.js'), 'utf8')
    .replace("/*HOME*/ '/'", () => JSON.stringify(home))
    .replace("/*MARK*/ ''", () => JSON.stringify(knotPath));
  const description = {
    name,
    version: '1.0.0',
    description: 'A way back to Knot in the top bar.',
    license: 'Apache-2.0',
    jupyterlab: { extension: true, _build: { load: 'static/remoteEntry.js', extension: './extension' } },
  };
  for (const [file, text] of [
    ['package.json', `${JSON.stringify(description, undefined, 1)}\n`],
    ['static/remoteEntry.js', source],
  ] as const) {
    writeFileSync(join(target, file), text);
    // Read inside the sandbox, where the person's account is another one.
    chmodSync(join(target, file), 0o644);
  }
}
