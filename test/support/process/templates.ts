import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of templates with one, named `name`: a program for Node that listens on the socket it is given, taken away at the end of the test. */
export function programTemplate(
  t: { teardown(end: () => void): void },
  { name, description, values, program }: { name: string; description: string; values: string; program: string },
): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-templates-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const files = {
    'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: 1.0.0\ndescription: ${description}\n`,
    'values.yaml': values,
    'process.yaml': `command: ['{node}', '{template}/${name}.mjs', '{socket}']\nlisten:\n  socket: true\nready: /\nstartSeconds: 20\n`,
    [`${name}.mjs`]: program,
  };
  mkdirSync(join(folder, name));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text);
  return folder;
}
