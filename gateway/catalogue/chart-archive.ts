import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract, type Extract } from 'tar-stream';
import type { TemplateEntry, TemplateFolder } from '../lib/index.ts';

const unpack = promisify(gunzip);

type Entry = Extract extends AsyncIterable<infer One> ? One : never;

/** A chart that was packed, as a folder; `size` is what it takes of memory, in bytes. */
export type ChartArchive = { folder: TemplateFolder; size: number };

const mostUnpackedBytes = 8 * 1024 * 1024;
const mostFiles = 500;

/**
 * Opens a packed chart (`helm package`: gzip over tar) as a folder of its files. Nothing of it touches the disk, so that what lies
 * outside the folder `name`, where each of its files must be, cannot be written anywhere; it is refused all the same, with links and
 * devices: Helm would refuse it too. `path`: where it is, for people.
 */
export async function openChartArchive(
  bytes: Buffer,
  { name, path }: { name: string; path: string },
): Promise<ChartArchive | { refused: string }> {
  let tar: Buffer;
  try {
    tar = await unpack(bytes, { maxOutputLength: mostUnpackedBytes });
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return { refused: isLarge ? `unpacks to more than ${mostUnpackedBytes} bytes` : 'is not packed with gzip' };
  }
  const files = new Map<string, Buffer>();
  const source = extract();
  source.end(tar);
  try {
    for await (const entry of source) {
      const refused = await take(entry, name, files);
      if (refused !== undefined) return { refused };
    }
  } catch {
    return { refused: 'is no archive of files (tar)' };
  } finally {
    source.destroy();
  }
  if (files.size === 0) return { refused: `has no folder ${name}` };
  return { folder: folderOf(files, path), size: [...files.values()].reduce((sum, file) => sum + file.length, 0) };
}

/** Why the archive is refused; undefined when the entry is well. */
async function take(entry: Entry, top: string, files: Map<string, Buffer>): Promise<string | undefined> {
  const { name, type } = entry.header;
  const shown = JSON.stringify(name.slice(0, 80));
  if (type !== 'file' && type !== 'contiguous-file' && type !== 'directory') return `${shown} is no plain file`;
  const [first, ...below] = (type === 'directory' ? name.replace(/\/$/, '') : name).split('/');
  if (first !== top || below.some((part) => ['', '.', '..'].includes(part) || /[\\\0]/.test(part)))
    return `${shown} lies outside of its folder ${top}`;
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  if (type === 'directory') return undefined;
  const path = below.join('/');
  if (path === '' || files.has(path)) return `${shown} is in it twice`;
  files.set(path, Buffer.concat(chunks));
  return files.size > mostFiles ? `has more than ${mostFiles} files` : undefined;
}

function folderOf(files: ReadonlyMap<string, Buffer>, path: string): TemplateFolder {
  return {
    path,
    async entries(below) {
      const prefix = below === '' ? '' : `${below}/`;
      const found = new Map<string, TemplateEntry['kind']>();
      for (const file of files.keys()) {
        if (!file.startsWith(prefix)) continue;
        const [name, ...rest] = file.slice(prefix.length).split('/');
        found.set(name!, rest.length === 0 ? 'file' : 'folder');
      }
      return [...found].map(([name, kind]) => ({ name, kind })).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async read(file, mostBytes) {
      const bytes = files.get(file);
      if (bytes === undefined) return { refused: 'is not a plain file' };
      if (bytes.length > mostBytes) return { refused: `has ${bytes.length} bytes; at most ${mostBytes} are read` };
      return { bytes };
    },
  };
}
