import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import t from 'tap';
import { openActs } from '../../gateway/files/act/open.ts';
import { createTrash } from '../../gateway/files/act/trash.ts';
import { openAreas } from '../../gateway/files/walk/areas.ts';
import { pathOfText } from '../../gateway/files/walk/names.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { mountSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';
import { ann, picture } from './scene.ts';

const tree = (name: string) => ({
  [name]: '/',
  [`${name}/f`]: 'text',
  [`${name}/link`]: '-> nowhere',
  [`${name}/s`]: '/',
});
const file = { f: 'old' };
const both = { ...file, ...tree('d') };

/** What is there before an act and after it: `private/ann`, `shared` and the paths in the trash. */
type State = { own: Record<string, string>; shared?: Record<string, string>; trash?: string[] };
/** A disk is mounted as the shared area, or as the folder `m` inside the other one. */
type Disk = 'shared' | 'private/ann/m';
const m = { m: '/', 'm/f': 'there' };
type Act = { before?: State; after: State; disk?: Disk; prepare?: 'd' | 'f' | 'm/f' };
const inside = 'private/ann/m';
const acts: Record<string, Act> = {
  put: { after: { own: { ...both, f: 'new' } } },
  create: { after: { own: { ...both, new: 'new' } } },
  rename: { after: { own: { ...tree('d'), g: 'old' } } },
  renameFolder: { after: { own: { ...file, ...tree('e') } } },
  copy: { after: { own: { ...both, ...tree('e') } } },
  moveAcross: { after: { own: file, shared: tree('d') }, disk: 'shared' },
  moveFileAcross: { after: { own: tree('d'), shared: file }, disk: 'shared' },
  trash: { after: { own: file, trash: ['d'] } },
  trashFile: { after: { own: tree('d'), trash: ['f'] } },
  restore: { prepare: 'f', before: { own: tree('d'), trash: ['f'] }, after: { own: both } },
  empty: { prepare: 'd', before: { own: file, trash: ['d'] }, after: { own: file } },
  putInside: { disk: inside, before: { own: { ...both, ...m } }, after: { own: { ...both, m: '/', 'm/f': 'new' } } },
  moveInside: {
    disk: inside,
    before: { own: { ...both, ...m } },
    after: { own: { ...tree('d'), ...m, 'm/g': 'old' } },
  },
  trashInside: {
    disk: inside,
    before: { own: { ...both, ...m } },
    after: { own: { ...both, m: '/' }, trash: ['m/f'] },
  },
  restoreInside: {
    disk: inside,
    prepare: 'm/f',
    before: { own: { ...both, m: '/' }, trash: ['m/f'] },
    after: { own: { ...both, ...m } },
  },
};

/** In one file: it is started hundreds of times, and loading a hundred modules takes longer than all else it does. */
const program = await inOneFile(join(import.meta.dirname, 'killed-act.ts'));

async function inOneFile(input: string): Promise<string> {
  // Where packages that are not in it are found.
  const cache = join(import.meta.dirname, '../../node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'knot-killed-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'act.mjs');
  const bundle = await rolldown({ input, platform: 'node' });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  await bundle.close();
  return file;
}

async function run(act: string, stopBefore: number, disk: Disk | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-killed-'));
  const own = join(folder, 'private/ann');
  const shared = join(folder, 'shared');
  mkdirSync(join(own, 'd/s'), { recursive: true });
  mkdirSync(shared);
  if (disk === inside) mkdirSync(join(own, 'm'));
  const unmount = disk && mountSmallDisk(join(folder, disk), '1m');
  try {
    writeFileSync(join(own, 'f'), 'old');
    writeFileSync(join(own, 'd/f'), 'text');
    symlinkSync('nowhere', join(own, 'd/link'));
    if (disk === inside) writeFileSync(join(own, 'm/f'), 'there');
    const { prepare } = acts[act]!;
    if (prepare) await open(folder, async ({ trash }) => void (await trash.put(ann, pathOfText(prepare), 'ann')));
    const { stdout, signal } = spawnSync(process.execPath, [program, folder, act, String(stopBefore)], {
      encoding: 'utf8',
    });
    const isDone = stdout === 'done';
    if (!isDone && signal !== 'SIGKILL') throw new Error(`the act failed: ${act}`);
    return await open(folder, ({ trash }) => {
      const left: string[] = [];
      for (const room of ['staging', 'doomed', 'journal']) {
        left.push(...namesIn(join(folder, '.knot/private/ann', room)));
        left.push(...namesIn(join(disk === 'shared' ? join(shared, '.knot') : join(folder, '.knot/shared'), room)));
      }
      const { '.knot': _, ...inShared } = picture(shared);
      const seen = Object.entries(inShared).filter(([name]) => !name.startsWith('.knot/'));
      const state = {
        own: picture(own),
        shared: Object.fromEntries(seen),
        trash: trash.list(ann).map((item) => item.path),
      };
      return { isDone, state, left };
    });
  } finally {
    unmount?.();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A room is made with the first thing in it. */
const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

async function open<T>(folder: string, work: (parts: { trash: ReturnType<typeof createTrash> }) => T): Promise<T> {
  const areas = openAreas({ folder, log: silentLog });
  const opened = openActs(areas);
  await opened.recover();
  try {
    return await work({ trash: createTrash(opened, { now: Date.now }) });
  } finally {
    opened.close();
    areas.close();
  }
}

for (const [act, { before = { own: both }, after, disk }] of Object.entries(acts)) {
  const skip = disk !== undefined && smallDiskSkipReason();
  t.test(`${act}: killed before each change of the disk, it is as before or as after`, { skip }, async (t) => {
    const wanted = [before, after].map((state) => ({ shared: {}, trash: [], ...state }));
    let seenAfter = 0;
    for (let stopBefore = 1; ; stopBefore++) {
      const { isDone, state, left } = await run(act, stopBefore, disk);
      const words = JSON.stringify(state);
      const which = wanted.findIndex((one) => JSON.stringify(sorted(one)) === JSON.stringify(sorted(state)));
      t.ok(which >= 0, `killed before change ${stopBefore}: ${which === 0 ? 'before' : which === 1 ? 'after' : words}`);
      t.same(left, [], 'nothing is left over');
      if (which === 1) seenAfter += 1;
      else t.equal(seenAfter, 0, 'what was finished stays finished');
      if (isDone) return void t.ok(stopBefore > 1 && which === 1);
      if (stopBefore > 100) return void t.fail('the act never ends');
    }
  });
}

const sorted = ({ own, shared = {}, trash = [] }: State) =>
  [own, shared].map((part) => Object.entries(part).sort()).concat([trash as never]);
