import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Test } from 'tap';
import { diskFolder, readTemplateAt } from '../../gateway/catalogue/index.ts';
import type { EngineKind } from '../../gateway/lib/index.ts';

export const chart = 'apiVersion: v2\nname: web\nversion: 1.2.3\ndescription: A page.\n';
export const runs = 'command: [a]\nlisten: { port: 8000 }\n';

/** A folder of templates with one in it, taken away at the end of the test. */
export function folderWith(t: Test, files: Record<string, string>, name = 'web'): string {
  const root = mkdtempSync(join(tmpdir(), 'knot-template-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, name));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, file)), { recursive: true });
    writeFileSync(join(root, name, file), text);
  }
  return root;
}

/** The template that these files make, and what is wrong with it as its author reads that. */
export async function read(t: Test, files: Record<string, string>, engine: EngineKind = 'process') {
  const folder = diskFolder(join(folderWith(t, files), 'web'));
  const template = await readTemplateAt(folder, 'web', { kind: 'admin' }, { engine });
  const problems = template.problems.map(({ file, line, message }) => `${file}:${line ?? ''} ${message}`);
  return { template, problems };
}

export type Entry = { name: string; text?: string; type?: 'file' | 'symlink' | 'link' | 'directory' | 'fifo' };

/** What `helm package` makes of a chart: gzip over tar. Links lead to a file of the machine. */
export async function packed(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, text = '', type = 'file' } of entries)
    archive.entry({ name, type, ...(type.endsWith('link') && { linkname: '/etc/hostname' }) }, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}
export const integrity = `sha512-${'A'.repeat(86)}==`;
export const tiny = { version: '1.0.0', integrity };

/** A list of npm packages: of one, and others or other things of it. */
export function npmList({ lockfileVersion = 3, ...more }: Record<string, unknown>): string {
  const others = Object.entries({ tiny, ...more }).map(([name, entry]) => [`node_modules/${name}`, entry]);
  const packages = { '': { dependencies: { tiny: '1.0.0' } }, ...Object.fromEntries(others) };
  return JSON.stringify({ lockfileVersion, packages }, null, 2);
}

/** A `process.yaml` that needs these. */
export const npmProcess = (needs: Record<string, string>): string =>
  [
    'command: ["{node}", "{packages}/x.js", "{python}"]',
    'listen: {port: 8000}',
    'needs:',
    ...Object.entries({ npm: '[{lock: package-lock.json}]', ...needs }).map(([name, text]) => `  ${name}: ${text}`),
    '',
  ].join('\n');
