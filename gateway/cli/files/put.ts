import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { isTaken, nameOf, type Path } from '../../files/index.ts';
import { eachAtOnce, knotError } from '../../lib/index.ts';
import { mostAtOnce } from '../elsewhere/ask.ts';
import { shownPlace, type Typed } from './address.ts';
import { counted } from './counted.ts';
import { below, localPath, type LocalPath, readTree, sourceOf } from './local.ts';
import type { Condition, Place, Side, Thing } from './side.ts';
import { alreadyThere, type Existing, type Item, type Outcome, type Plan, refuseExisting } from './transfer.ts';

const hint = 'Add --replace to replace them, or --skip to leave them as they are.';

/**
 * What putting a file or folder of this machine there takes. As with rsync, `results/` is what is in the folder and `results` the folder
 * itself; a target without a slash at its end is the name it gets.
 * @throws KNOT_CLI_FILES_SOURCE, KNOT_CLI_FILES_EXIST before anything is changed
 */
export async function planPut(side: Side, typed: string, target: Typed, existing: Existing): Promise<Plan> {
  const source = localPath(typed);
  const kind = await kindOfSource(typed);
  const own = nameOf(basename(resolve(typed)) || 'files');
  const isContent = kind === 'folder' && /(?:^|\/)\.{0,2}$/.test(typed);
  const place: Place = {
    area: target.area,
    path: target.isFolder && !isContent ? [...target.path, own] : target.path,
  };
  return kind === 'folder' ? planFolder(side, source, place, existing) : planFile(side, source, place, existing);
}

async function kindOfSource(typed: string): Promise<'file' | 'folder'> {
  const stats = await stat(typed).catch((error: unknown) => {
    throw knotError('KNOT_CLI_FILES_SOURCE', 404, `${typed} cannot be read.`, { cause: error });
  });
  if (stats.isDirectory()) return 'folder';
  if (stats.isFile()) return 'file';
  throw knotError('KNOT_CLI_FILES_SOURCE', 400, `${typed} is neither a file nor a folder.`, {
    remedy: 'For what a program writes use “-” and a pipe.',
  });
}

/** A single file is sent before anybody asks what is there: who may only hand files in is told nothing about it. */
async function planFile(side: Side, source: LocalPath, place: Place, existing: Existing): Promise<Plan> {
  const plan: Plan = { items: [], equal: 0, skipped: [], left: [] };
  const file = await sourceOf(source);
  const write = async (condition: Condition, onBytes: (count: number) => void): Promise<Outcome> => {
    await side.write(place, file, condition, onBytes);
    return 'done';
  };
  plan.items.push({
    shown: shownPlace(place),
    size: file.size,
    async run(onBytes) {
      if (existing === 'replace') {
        const there = await side.look(place);
        if (await isEqual(side, place, there, file)) return 'equal';
        return write(there === undefined ? { isNew: true } : { ifMatch: there.etag }, onBytes);
      }
      try {
        return await write({ isNew: true }, onBytes);
      } catch (error) {
        if (isTaken(error) && (await isEqual(side, place, await side.look(place), file))) return 'equal';
        return whenRefused(error, place, existing);
      }
    },
  });
  return plan;
}

/** What a program writes, whose length nobody knows before its end. */
export function planStream(side: Side, body: NodeJS.ReadableStream, place: Place, existing: Existing): Plan {
  const item: Item = {
    shown: shownPlace(place),
    size: 0,
    async run(onBytes) {
      const bytes = counted(body, (count) => {
        item.size += count;
        onBytes(count);
      });
      try {
        await side.writeStream(place, bytes, existing === 'replace' ? {} : { isNew: true });
        return 'done';
      } catch (error) {
        return whenRefused(error, place, existing);
      }
    },
  };
  return { items: [item], equal: 0, skipped: [], left: [] };
}

/** Another file stands there: it may be left, or it is named with what may be done about it. */
function whenRefused(error: unknown, place: Place, existing: Existing): Outcome {
  if (!isTaken(error)) throw error;
  if (existing === 'skip') return 'skipped';
  throw alreadyThere([shownPlace(place)], hint);
}

async function isEqual(side: Side, place: Place, there: Thing | undefined, file: { size: number; sha256: string }) {
  return there?.kind === 'file' && there.size === file.size && (await side.sha256(place)) === file.sha256;
}

type Known = Map<string, Thing>;
const keyOf = (path: Path): string => path.map((name) => name.toString('latin1')).join('/');

async function planFolder(side: Side, root: LocalPath, base: Place, existing: Existing): Promise<Plan> {
  const { folders, files, left } = await readTree(root);
  const at = (path: Path): Place => ({ area: base.area, path: [...base.path, ...path] });
  const missing = await missingFolders(side, base);
  const known: Known = missing.length > 0 ? new Map<string, Thing>() : await knownBelow(side, base, folders);
  const plan: Plan = { items: [], equal: 0, skipped: [], left: left.map((path) => shownPlace(at(path))) };
  const inTheWay = folders.filter((path) => !['folder', undefined].includes(known.get(keyOf(path))?.kind));
  const names = inTheWay.map((path) => shownPlace(at(path)));

  await eachAtOnce(files, mostAtOnce, async ({ path, size }) => {
    const place = at(path);
    const there = known.get(keyOf(path));
    if (there !== undefined && there.kind !== 'file') return void names.push(shownPlace(place));
    const local = below(root, path);
    if (there !== undefined) {
      if (there.size === size && (await isEqual(side, place, there, await sourceOf(local)))) return void plan.equal++;
      if (existing === 'skip') return void plan.skipped.push(shownPlace(place));
      if (existing === 'refuse') return void names.push(shownPlace(place));
    }
    plan.items.push(toSend(side, place, local, size, there));
  });
  refuseExisting(names.sort(), hint);
  plan.items.sort((a, b) => (a.shown < b.shown ? -1 : 1));
  const toMake = folders.filter((path) => !known.has(keyOf(path)));
  return {
    ...plan,
    async prepare() {
      for (const place of missing) await makeFolder(side, place);
      for (const path of toMake) await makeFolder(side, at(path));
    },
  };
}

const toSend = (side: Side, place: Place, local: LocalPath, size: number, there: Thing | undefined): Item => ({
  shown: shownPlace(place),
  size,
  async run(onBytes) {
    const condition = there === undefined ? { isNew: true } : { ifMatch: there.etag };
    await side.write(place, await sourceOf(local), condition, onBytes);
    return 'done';
  },
});

/** The target and what is above it, as far as it is not there. */
async function missingFolders(side: Side, base: Place): Promise<Place[]> {
  const missing: Place[] = [];
  for (let length = base.path.length; length > 0; length -= 1) {
    const place = { area: base.area, path: base.path.slice(0, length) };
    const there = await side.look(place);
    if (there?.kind === 'folder') break;
    if (there !== undefined) refuseExisting([shownPlace(place)], 'It is no folder: choose another target.');
    missing.unshift(place);
  }
  return missing;
}

async function makeFolder(side: Side, place: Place): Promise<void> {
  try {
    await side.makeFolder(place);
  } catch (error) {
    if (!isTaken(error) || (await side.look(place))?.kind !== 'folder') throw error;
  }
}

/** What is there of the folders that are to be there, folder by folder from above. */
async function knownBelow(side: Side, base: Place, folders: readonly Path[]): Promise<Known> {
  const known: Known = new Map();
  const note = async (path: Path) => {
    const children = await side.list({ area: base.area, path: [...base.path, ...path] });
    for (const { name, ...thing } of children) known.set(keyOf([...path, name]), thing);
  };
  await note([]);
  const deepest = folders.reduce((depth, { length }) => Math.max(depth, length), 0);
  for (let depth = 1; depth <= deepest; depth += 1) {
    const here = folders.filter((path) => path.length === depth && known.get(keyOf(path))?.kind === 'folder');
    await eachAtOnce(here, mostAtOnce, note);
  }
  return known;
}
