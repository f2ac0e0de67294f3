import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of one template that Knot reads, by name; what is too large or no plain file is named with the reason instead. */
export type TemplateFiles = {
  text(name: string): string | undefined;
  refused: ReadonlyMap<string, string>;
};

const wanted = ['Chart.yaml', 'values.yaml', 'values.schema.json', 'process.yaml', 'README.md', 'icon.svg'] as const;
export type TemplateFile = (typeof wanted)[number];

/** Of one file: a chart is text that people write. */
export const mostBytes = 256 * 1024;

/**
 * Reads a template from a folder of this machine that belongs to administrators. Links are not followed: a template holds what it
 * shows. Never fails for what is in it.
 * @throws when the folder itself cannot be read
 */
export async function readTemplateFolder(folder: string): Promise<TemplateFiles> {
  const present = new Set(await readdir(folder));
  const texts = new Map<string, string>();
  const refused = new Map<string, string>();
  for (const name of wanted) {
    if (!present.has(name)) continue;
    const read = await readPlainFile(join(folder, name));
    if (typeof read === 'string') refused.set(name, read);
    else texts.set(name, read.text);
  }
  return { text: (name) => texts.get(name), refused };
}

/** What it says, or why it is not read. */
async function readPlainFile(path: string): Promise<{ text: string } | string> {
  let file;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ELOOP' ? 'is a link, which is not followed' : `cannot be read (${code ?? 'unknown'})`;
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) return 'is not a plain file';
    if (found.size > mostBytes) return `has ${found.size} bytes; at most ${mostBytes} are read`;
    const bytes = Buffer.alloc(mostBytes + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    if (bytesRead > mostBytes) return `has more than ${mostBytes} bytes`;
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytesRead)) };
  } catch (error) {
    return error instanceof TypeError ? 'is not UTF-8' : 'cannot be read';
  } finally {
    await file.close();
  }
}
