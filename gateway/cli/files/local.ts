import { randomBytes, createHash } from 'node:crypto';
import { type BigIntStats, constants, createReadStream, lstatSync } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { checkName, type Name, type Path } from '../../files/index.ts';
import { knotError, printable } from '../../lib/index.ts';
import type { Source } from './side.ts';

/** A path of this machine, in bytes: names need not be text. */
export type LocalPath = Buffer;

export const localPath = (text: string): LocalPath => Buffer.from(text);

const slash = Buffer.from('/');

/** Below a folder, by names that can be no way out of it. */
export const below = (folder: LocalPath, path: Path): LocalPath =>
  Buffer.concat([folder, ...path.flatMap((name) => [slash, checkName(name)])]);

export const shownLocal = (path: LocalPath): string => printable(path.toString());

export type LocalKind = 'file' | 'folder' | 'link' | 'other';

export const kindOfLocal = (stats: Pick<BigIntStats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): LocalKind =>
  stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'other';

/** What is there itself, not what a link leads to; undefined when nothing is. */
export async function lookLocal(path: LocalPath): Promise<{ kind: LocalKind; size: number } | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    return { kind: kindOfLocal(stats), size: Number(stats.size) };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export type LocalTree = {
  /** Parents before what is in them; without the root. */
  folders: Path[];
  files: { path: Path; size: number }[];
  /** Links, pipes and devices: never followed and never opened. */
  left: Path[];
};

export async function readTree(root: LocalPath): Promise<LocalTree> {
  const tree: LocalTree = { folders: [], files: [], left: [] };
  async function add(path: Path): Promise<void> {
    const found = await readdir(below(root, path), { withFileTypes: true, encoding: 'buffer' });
    const byName = found.sort((a, b) => Buffer.compare(a.name, b.name));
    for (const entry of byName) {
      const inner = [...path, entry.name];
      const stats = await lookLocal(below(root, inner));
      if (stats?.kind === 'file') tree.files.push({ path: inner, size: stats.size });
      else if (stats?.kind === 'folder') {
        tree.folders.push(inner);
        await add(inner);
      } else if (stats !== undefined) tree.left.push(inner);
    }
  }
  await add([]);
  return tree;
}

/** A file to be sent. What is longer or shorter by then is noticed, because its SHA-256 is another one. */
export async function sourceOf(path: LocalPath): Promise<Source> {
  // Before it is read: what is written meanwhile has another time.
  const { mtimeMs: modifiedAt } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of readLocal(path, 0) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex'), modifiedAt, open: (from) => readLocal(path, from, size) };
}

export const sha256OfLocal = async (path: LocalPath): Promise<string> => (await sourceOf(path)).sha256;

function readLocal(path: LocalPath, start: number, size = Infinity) {
  // An empty range cannot be asked for.
  const end = size === Infinity ? undefined : Math.max(start, size - 1);
  const stream = createReadStream(path, { start, highWaterMark: 256 * 1024, ...(end !== undefined && { end }) });
  // Whoever reads it hears it as well; it may fail before anybody does.
  stream.on('error', () => undefined);
  return stream;
}

/** A folder of this machine, made if it is missing. A link in its place is not followed. @throws KNOT_CLI_FILES_LINK */
export async function makeLocalFolder(path: LocalPath): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  demandFolder(path);
}

function demandFolder(path: LocalPath): void {
  if (lstatSync(path).isDirectory()) return;
  throw knotError(
    'KNOT_CLI_FILES_LINK',
    409,
    `${shownLocal(path)} is a link or a file here, where a folder is needed.`,
    {
      remedy: 'A link is not followed, because it may lead elsewhere. Remove it, or choose another target.',
    },
  );
}

/**
 * Writes a file of this machine as a whole: under a name of its own beside the target, which it takes when it is complete. Without
 * `replaces` it never takes the place of anything, not even of what came meanwhile.
 */
export async function writeLocal(
  folder: LocalPath,
  name: Name,
  {
    replaces,
    isRoot,
    modifiedAt,
    mode = 0o666,
  }: { replaces: boolean; isRoot: boolean; modifiedAt: number; mode?: number },
  fill: (write: (chunk: Buffer) => Promise<void>) => Promise<void>,
): Promise<void> {
  // Looked at again: a link may have come into its place. The folder that was typed may be one.
  if (!isRoot) demandFolder(folder);
  const beside = below(folder, [Buffer.from(`.knot-${randomBytes(8).toString('hex')}`)]);
  const target = below(folder, [name]);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    try {
      await fill(async (chunk) => {
        for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
      });
      // 0: the Knot does not tell it.
      if (modifiedAt > 0) await file.utimes(modifiedAt / 1000, modifiedAt / 1000);
      await file.sync();
    } finally {
      await file.close();
    }
    if (replaces) return await rename(beside, target);
    await link(beside, target).catch(async (error: NodeJS.ErrnoException) => {
      // A disk that knows no second names.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(error.code ?? '')) throw error;
      if ((await lookLocal(target)) !== undefined) throw Object.assign(error, { code: 'EEXIST' });
      await rename(beside, target);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw knotError('KNOT_CLI_FILES_EXIST', 409, `${shownLocal(target)} is there already.`, {
      remedy: 'On this disk names may be equal that differ in Knot, as in upper and lower case.',
    });
  } finally {
    await unlink(beside).catch(() => undefined);
  }
}
