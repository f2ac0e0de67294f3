/**
 * `npm run image`: the image of Knot as an archive, without a daemon and without root.
 *
 *     npm run image -- [--reference NAME:TAG] [--output FILE] [--helm FILE] [--compress gzip|none]
 *
 * Writes FILE (knot-image.tar) and what it is made of beside it (FILE.cdx.json). `SOURCE_DATE_EPOCH` is its date. The same sources,
 * dependencies and libraries of the machine make the same image.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeImage } from './image/index.ts';
import { knotImage } from './image/knot.ts';
import { prepare } from './prepare.mjs';

const root = join(import.meta.dirname, '../..');

try {
  await main();
} catch (error) {
  process.stderr.write(`image: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const { values } = parseArgs({
    options: {
      reference: { type: 'string', default: `knot:${version}` },
      output: { type: 'string', default: 'knot-image.tar' },
      helm: { type: 'string' },
      compress: { type: 'string', default: 'gzip' },
    },
  });
  const { reference, compress } = values;
  if (!/^[a-z0-9][a-z0-9._:/-]*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(reference))
    throw new Error(`--reference must be a name with a tag, such as registry.example.org/knot:${version}`);
  if (compress !== 'gzip' && compress !== 'none') throw new Error('--compress must be gzip or none');
  const helm = values.helm ?? process.env['HELM_BIN'] ?? onPath('helm');
  if (helm === undefined || !existsSync(helm))
    throw new Error('Helm goes into the image: put version 3.21 or 4 into the path, or name it with --helm FILE');
  const createdAt = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
  if (!Number.isSafeInteger(createdAt) || createdAt < 0)
    throw new Error('SOURCE_DATE_EPOCH must be seconds since 1970');

  await prepare(root, { needsDashboard: true });
  const { bill, ...image } = knotImage({ root, helm: resolve(helm), createdAt });
  const archive = resolve(values.output);
  const written = await writeImage({ ...image, archive, reference, createdAt, compress });
  writeFileSync(`${archive}.cdx.json`, bill);
  const size = Math.round(written.bytes / 1e6);
  process.stdout.write(`${reference} ${written.digest}\n${archive} (${size} MB), ${archive}.cdx.json\n`);
}

function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}
