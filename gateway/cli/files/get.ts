import { stat } from 'node:fs/promises';
import { dirname, basename } from 'node:path';
import { nameOf, type Path } from '../../files/index.ts';
import { eachAtOnce, knotError } from '../../lib/index.ts';
import { mostAtOnce } from '../elsewhere/ask.ts';
import { nothingAt, shownPlace, type Typed } from './address.ts';
import {
  below,
  localPath,
  type LocalPath,
  lookLocal,
  makeLocalFolder,
  sha256OfLocal,
  shownLocal,
  writeLocal,
} from './local.ts';
import type { Place, Side, Thing } from './side.ts';
import { type Existing, type Item, type Plan, refuseExisting } from './transfer.ts';

const hint = 'Add --replace to replace them, or --skip to leave them as they are.';

/** Where something goes on this machine: a folder that is there, and names below it. */
type Target = { root: LocalPath; path: Path };

/**
 * What getting a file or folder takes. As with rsync, `private:/run7/` is what is in the folder and `private:/run7` the folder itself; a
 * target that is no folder and has no slash at its end is the name it gets.
 * @throws KNOT_CLI_FILES_EXIST before anything is changed
 */
export async function planGet(side: Side, source: Typed, typed: string | undefined, existing: Existing): Promise<Plan> {
  const there = await side.look(source);
  if (there === undefined) throw nothingAt(source);
  const own = source.path.at(-1);
  const isContent = there.kind === 'folder' && (source.isFolder || own === undefined);
  const isInto = typed === undefined || typed.endsWith('/') || (await isFolderHere(typed));
  const root = isInto || isContent ? (typed ?? '.') : dirname(typed);
  const path = isContent ? [] : [isInto ? own! : nameOf(basename(typed))];
  const target: Target = { root: localPath(root === '' ? '.' : root), path };
  if (!isContent && !(await isFolderHere(root))) throw noFolder(root);
  if (there.kind === 'folder') return planFolder(side, source, target, existing);
  if (there.kind === 'file') return planFiles(side, target, [{ place: source, path: [], thing: there }], existing);
  throw knotError('KNOT_FILES_NOT_A_FILE', 409, `${shownPlace(source)} is no regular file.`);
}

const isFolderHere = async (typed: string | LocalPath): Promise<boolean> =>
  (await stat(typed).catch(() => undefined))?.isDirectory() ?? false;

const noFolder = (root: string) =>
  knotError('KNOT_CLI_FILES_TARGET', 404, `There is no folder ${root} here.`, { remedy: 'Make it first.' });

type Found = { place: Place; path: Path; thing: Thing };

async function planFolder(side: Side, source: Place, target: Target, existing: Existing): Promise<Plan> {
  const folders: Path[] = [[]];
  const files: Found[] = [];
  const left: string[] = [];
  const at = (path: Path): Place => ({ area: source.area, path: [...source.path, ...path] });
  for (let level: Path[] = [[]]; level.length > 0;) {
    const next: Path[] = [];
    await eachAtOnce(level, mostAtOnce, async (path) => {
      for (const { name, ...thing } of await side.list(at(path))) {
        const inner = [...path, name];
        if (thing.kind === 'file') files.push({ place: at(inner), path: inner, thing });
        else if (thing.kind === 'folder') next.push(inner);
        else left.push(shownPlace(at(inner)));
      }
    });
    folders.push(...next);
    level = next;
  }
  const plan = await planFiles(side, target, files, existing, folders);
  return { ...plan, left };
}

async function planFiles(
  side: Side,
  target: Target,
  files: readonly Found[],
  existing: Existing,
  folders: readonly Path[] = [],
): Promise<Plan> {
  const plan: Plan = { items: [], equal: 0, skipped: [], left: [] };
  const here = (path: Path): LocalPath => below(target.root, [...target.path, ...path]);
  const inTheWay: string[] = [];
  for (const path of folders) {
    const kind = path.length + target.path.length === 0 ? 'folder' : (await lookLocal(here(path)))?.kind;
    if (kind !== undefined && kind !== 'folder') inTheWay.push(shownLocal(here(path)));
  }
  // A link on the way would lead the looks below it out of the target.
  refuseExisting(inTheWay, 'They are links or files where folders are needed: remove them, or choose another target.');
  await eachAtOnce(files, mostAtOnce, async ({ place, path, thing }) => {
    const present = await lookLocal(here(path));
    if (present?.kind === 'file' && present.size === thing.size) {
      if ((await sha256OfLocal(here(path))) === (await side.sha256(place))) return void plan.equal++;
    }
    if (present !== undefined) {
      if (existing === 'skip') return void plan.skipped.push(shownLocal(here(path)));
      if (existing === 'refuse' || present.kind === 'folder') return void inTheWay.push(shownLocal(here(path)));
    }
    plan.items.push(toFetch(side, { place, path, thing }, target, present !== undefined));
  });
  refuseExisting(inTheWay.sort(), hint);
  plan.items.sort((a, b) => (a.shown < b.shown ? -1 : 1));
  return {
    ...plan,
    async prepare() {
      if (folders.length > 0 && target.path.length === 0) await makeRoot(target.root);
      for (const path of folders) if (path.length + target.path.length > 0) await makeLocalFolder(here(path));
    },
  };
}

/** The folder that was typed: it may be a link, because whoever typed it meant what it leads to. */
async function makeRoot(root: LocalPath): Promise<void> {
  if (!(await isFolderHere(root))) await makeLocalFolder(root);
}

const toFetch = (side: Side, { place, path, thing }: Found, target: Target, replaces: boolean): Item => ({
  shown: shownLocal(below(target.root, [...target.path, ...path])),
  size: thing.size,
  async run(onBytes) {
    const whole = [...target.path, ...path];
    const folder = below(target.root, whole.slice(0, -1));
    await writeLocal(
      folder,
      whole.at(-1)!,
      { replaces, isRoot: whole.length === 1, modifiedAt: thing.modifiedAt },
      async (write) => {
        await side.read(place, async (chunk) => {
          await write(chunk);
          onBytes(chunk.length);
        });
      },
    );
    return 'done';
  },
});
