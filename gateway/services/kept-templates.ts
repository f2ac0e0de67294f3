import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { knotError, newShortId, type TemplateFolder } from '../lib/index.ts';

const mostFiles = 500;
const mostBytes = 20 * 1024 * 1024;
const mostDepth = 16;

type File = { path: string; bytes: Buffer };

/**
 * Copies the files of a template to where services of it find them, under a name that follows from what they are: the same template
 * is kept once, however many services there are of it. Links are not followed and not taken along. Returns that name.
 * @throws KNOT_SERVICES_TEMPLATE_TOO_LARGE, KNOT_SERVICES_TEMPLATE_FILE
 */
export async function keepTemplate(source: TemplateFolder, store: string): Promise<string> {
  const files: File[] = [];
  await collect(source, '', files, { bytes: 0 });
  const hash = createHash('sha256');
  for (const { path, bytes } of files) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  const digest = hash.digest('hex').slice(0, 32);
  const target = join(store, digest);
  if (await isKeptOn(target)) return digest;
  await mkdir(store, { recursive: true });
  const fresh = join(store, `.${newShortId()}`);
  await mkdir(fresh);
  try {
    for (const { path, bytes } of files) {
      const folder = path.slice(0, path.lastIndexOf('/') + 1);
      if (folder !== '') await mkdir(join(fresh, folder), { recursive: true });
      await writeFile(join(fresh, path), bytes);
    }
    await makeReadable(fresh);
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Somebody else kept the same at the same moment.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return digest;
}

/** Whether it is there already; it is as young again, so that nobody takes it away before the record of who needs it is written. */
async function isKeptOn(folder: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(folder, now, now);
  } catch {
    return false;
  }
  await makeReadable(folder);
  return true;
}

/** Read inside sandboxes, where the account is another one; the gateway's umask says nothing of them. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}

/** As long as a launch or an upgrade may take from the files of its template to its record. */
const youthMs = 3_600_000;

/**
 * Takes away what was kept before and is none of these. What was kept just now may be about to be needed. These can be read by their
 * services afterwards, whoever kept them: a gateway before this one left folders closed.
 */
export async function keepOnly(store: string, digests: ReadonlySet<string>): Promise<void> {
  const entries = await readdir(store).catch(() => []);
  for (const name of entries) {
    const folder = join(store, name);
    if (digests.has(name)) {
      await makeReadable(folder);
      continue;
    }
    if (!(await isOld(folder))) continue;
    // Out of the way first, then looked at again: somebody may have kept the same meanwhile.
    const aside = join(store, `.${newShortId()}`);
    await rename(folder, aside);
    if (await isOld(aside)) await rm(aside, { recursive: true, force: true });
    else await rename(aside, folder);
  }
}

const isOld = async (folder: string): Promise<boolean> => {
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && found.mtimeMs < Date.now() - youthMs;
};

async function collect(folder: TemplateFolder, below: string, files: File[], total: { bytes: number }): Promise<void> {
  for (const { name, kind } of await folder.entries(below)) {
    const path = below === '' ? name : `${below}/${name}`;
    if (kind === 'folder') {
      if (path.split('/').length > mostDepth) throw tooLarge(`folders more than ${mostDepth} levels deep`);
      await collect(folder, path, files, total);
    } else if (kind === 'file') files.push({ path, bytes: await read(folder, path, total) });
    if (files.length > mostFiles) throw tooLarge(`more than ${mostFiles} files`);
  }
}

async function read(folder: TemplateFolder, path: string, total: { bytes: number }): Promise<Buffer> {
  const found = await folder.read(path, mostBytes - total.bytes);
  if ('refused' in found) {
    throw knotError('KNOT_SERVICES_TEMPLATE_FILE', 422, `The file ${path} of the template ${found.refused}.`, {
      remedy: `A template has ${mostFiles} plain files and ${mostBytes} bytes at most.`,
    });
  }
  total.bytes += found.bytes.length;
  return found.bytes;
}

const tooLarge = (what: string) =>
  knotError('KNOT_SERVICES_TEMPLATE_TOO_LARGE', 422, `The template has ${what}.`, {
    remedy: 'What a service needs besides its program belongs into packages or into the files of its owner.',
  });
