import { constants, read } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TemplateFolder } from '../lib/index.ts';
import { npmListName } from './npm-list.ts';

/** The files of one template that Knot reads, by name; what is too large or no plain file is named with the reason instead. */
export type TemplateFiles = {
  text(name: string): string | undefined;
  /** Whether it has what Helm renders: a folder `templates`. */
  isChart: boolean;
  refused: ReadonlyMap<string, string>;
};

const wanted = [
  'Chart.yaml',
  'values.yaml',
  'values.schema.json',
  'process.yaml',
  'requirements.txt',
  'README.md',
  'icon.svg',
] as const;
export type TemplateFile = (typeof wanted)[number];

const mostLists = 5;

const readAt = promisify(read);

/** Of one file: a chart is text that people write. */
export const mostBytes = 256 * 1024;

/**
 * Reads what Knot knows of a template. Links are not followed: a template holds what it shows. Never fails for what is in it.
 * @throws when the folder itself cannot be read
 */
export async function readTemplateFiles(folder: TemplateFolder): Promise<TemplateFiles> {
  const entries = await folder.entries('');
  const present = new Set(entries.map(({ name }) => name));
  const texts = new Map<string, string>();
  const refused = new Map<string, string>();
  const lists = [...present].filter((name) => npmListName.test(name)).slice(0, mostLists);
  for (const name of [...wanted.filter((name) => present.has(name)), ...lists]) {
    const found = await folder.read(name, mostBytes);
    if ('refused' in found) {
      refused.set(name, found.refused);
      continue;
    }
    try {
      texts.set(name, new TextDecoder('utf-8', { fatal: true }).decode(found.bytes));
    } catch {
      refused.set(name, 'is not UTF-8');
    }
  }
  const isChart = entries.some(({ name, kind }) => name === 'templates' && kind === 'folder');
  return { text: (name) => texts.get(name), isChart, refused };
}

/** A folder of this machine that belongs to administrators. */
export function diskFolder(path: string): TemplateFolder {
  return {
    path,
    async entries(below) {
      const entries = await readdir(join(path, below), { withFileTypes: true });
      return entries
        .map((entry) => ({
          name: entry.name,
          kind: entry.isFile() ? ('file' as const) : entry.isDirectory() ? ('folder' as const) : ('other' as const),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    read: (file, most) => readPlainFile(join(path, file), most),
  };
}

/** A file that is open, whole, or why not. `size`: what it has, `most`: what is read, in bytes. It stays open. */
export async function readWhole(descriptor: number, size: number, most: number): ReturnType<TemplateFolder['read']> {
  if (size > most) return { refused: `has ${size} bytes; at most ${most} are read` };
  // It may grow meanwhile.
  const bytes = Buffer.alloc(size + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await readAt(descriptor, bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > size) return { refused: 'changes while it is read' };
  return { bytes: bytes.subarray(0, length) };
}

async function readPlainFile(path: string, most: number): ReturnType<TemplateFolder['read']> {
  let file;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { refused: code === 'ELOOP' ? 'is a link, which is not followed' : `cannot be read (${code ?? 'unknown'})` };
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) return { refused: 'is not a plain file' };
    return await readWhole(file.fd, found.size, most);
  } catch {
    return { refused: 'cannot be read' };
  } finally {
    await file.close();
  }
}
