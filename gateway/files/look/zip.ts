import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { ZipArchive } from 'archiver';
import type { HeldFolder } from '../walk/held-folder.ts';
import { type Name, type Path, textOf } from '../walk/names.ts';
import { createPace, namesIn } from '../walk/tree.ts';

export type ZipOptions = {
  /** Already packed data is not packed again: `store` is as fast as the disk. */
  method: 'store' | 'deflate';
  /** Not packed. */
  isHidden?: (path: Path) => boolean;
  /** Files that stand in the archive before all others, beside the folder `below`, which everything of the disk then lies in. */
  first?: readonly { name: string; content: Buffer; date: Date }[];
  /** `files/private` */
  below?: string;
  /** Hears what went wrong before the first byte, or in the archive itself. */
  onError(error: unknown): void;
};

/** The last file of an archive that had to leave something out. */
const reportName = 'NOT IN THIS ARCHIVE.txt';

/**
 * Packs things of one folder, or all in it, while they are read. An entry that cannot be read is left out or cut, the rest is a good archive, and its
 * last file names what is missing; links, pipes and devices are among that. One file at a time is open.
 */
export function zip(
  folder: HeldFolder,
  names: readonly Name[] | undefined,
  { method, isHidden, first = [], below, onError }: ZipOptions,
): Readable {
  const archive = new ZipArchive(method === 'store' ? { store: true } : { zlib: { level: 1 } });
  const missing: string[] = [];
  const pace = createPace();
  const reader = () => archive.destroyed;
  const nameOfPath = (path: Path): string => [...(below === undefined ? [] : [below]), ...path.map(textOf)].join('/');

  /** One at a time: the archive would hold everything it is given in memory. */
  async function append(source: Readable | Buffer, name: string, date: Date): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = () => {
      archive.off('entry', resolve);
      archive.off('error', reject);
      archive.off('close', resolve);
    };
    archive
      .once('entry', () => resolve())
      .once('error', reject)
      .once('close', resolve);
    archive.append(source, { name, date });
    await promise.finally(stop);
  }

  async function add(parent: HeldFolder, name: Name, path: Path): Promise<void> {
    await pace();
    if (reader() || isHidden?.(path)) return;
    const text = nameOfPath(path);
    const stats = parent.look(name);
    if (stats === undefined) return;
    const date = new Date(Number(stats.mtimeMs));
    if (stats.isDirectory()) return addFolder(parent, name, path, date);
    if (!stats.isFile()) return void missing.push(`${text}: ${stats.isSymbolicLink() ? 'a link' : 'no regular file'}`);
    let descriptor: number;
    try {
      descriptor = parent.file(name);
    } catch {
      return void missing.push(`${text}: could not be opened`);
    }
    await append(
      contentOf(descriptor, () => missing.push(`${text}: could not be read to its end`)),
      text,
      date,
    );
  }

  async function addFolder(parent: HeldFolder, name: Name, path: Path, date: Date): Promise<void> {
    const text = nameOfPath(path);
    let inner: HeldFolder;
    let children: Name[];
    try {
      inner = parent.folder(name);
    } catch {
      return void missing.push(`${text}: could not be opened`);
    }
    try {
      children = await namesIn(inner);
      await append(Buffer.alloc(0), `${text}/`, date);
      for (const child of children) await add(inner, child, [...path, child]);
    } catch (error) {
      if (archive.destroyed) throw error;
      missing.push(`${text}: could not be read`);
    } finally {
      inner.close();
    }
  }

  async function pack(): Promise<void> {
    for (const { name, content, date } of first) await append(content, name, date);
    for (const name of names ?? (await namesIn(folder))) await add(folder, name, [name]);
    if (reader()) return;
    if (missing.length > 0) await append(Buffer.from(`${missing.join('\n')}\n`), reportName, new Date());
    await archive.finalize();
  }

  archive.on('error', onError);
  archive.on('warning', onError);
  pack()
    .catch((error: unknown) => {
      onError(error);
      archive.destroy(error instanceof Error ? error : undefined);
    })
    .finally(() => folder.close());
  return archive;
}

/** The bytes of an open file; a failure in between ends them, because the archive must go on. */
function contentOf(descriptor: number, onFailure: () => void): Readable {
  const file = createReadStream('', { fd: descriptor, highWaterMark: 256 * 1024 });
  return Readable.from(
    (async function* () {
      try {
        yield* file as AsyncIterable<Buffer>;
      } catch {
        onFailure();
      } finally {
        file.destroy();
      }
    })(),
    { objectMode: false },
  );
}
