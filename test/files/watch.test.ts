import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openFiles } from '../../gateway/files/index.ts';
import { keyOf } from '../../gateway/files/walk/areas.ts';
import { folderKey, pathsKey } from '../../gateway/files/watch/folder-key.ts';
import { createFolderWatch } from '../../gateway/files/watch/folders.ts';
import { watchHealth } from '../../gateway/files/watch/health.ts';
import { createRecount } from '../../gateway/files/watch/recount.ts';
import { type Log, silentLog, systemClock } from '../../gateway/lib/index.ts';
import type { Store } from '../../gateway/store/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';
import { ann, body, openScene, path, shared } from './scene.ts';

type Options = Omit<Parameters<typeof createFolderWatch>[0], 'areas' | 'log'> & { log?: Log };

async function openWatch(t: Test, { log = silentLog, ...options }: Options = {}) {
  const scene = await openScene(t);
  const folders = createFolderWatch({ areas: scene.areas, log, restMs: 20, lookMs: 100, ...options });
  t.teardown(() => folders.close());
  /** Follows a folder and counts what it is told. */
  const follow = (text: string, costMs = 0) => {
    const told = { times: 0, stop: () => undefined as void };
    told.stop = folders.follow(ann, path(text), { costMs, hear: () => void (told.times += 1) });
    const next = async (what: string, act: () => unknown) => {
      const before = told.times;
      await act();
      await eventually(what, () => told.times > before);
      return told.times;
    };
    return Object.assign(told, { next });
  };
  return { ...scene, folders, follow };
}

/** Answers when whatever was told before has been heard: another folder's change, told after it. */
async function settled(root: string, follow: Awaited<ReturnType<typeof openWatch>>['follow']) {
  mkdirSync(join(root, 'mark'), { recursive: true });
  const mark = follow('mark');
  await mark.next('the mark', () => writeFileSync(join(root, 'mark/m'), 'm'));
  mark.stop();
}

t.test('what others do in a folder is told, whatever it is', async (t) => {
  const { root, follow } = await openWatch(t);
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/old'), 'old');
  const told = follow('d');
  const inside = (name: string) => join(root, 'd', name);
  await told.next('a new file', () => writeFileSync(inside('new'), '1'));
  await told.next('more in it', () => appendFileSync(inside('new'), '2'));
  await told.next('another name', () => renameSync(inside('new'), inside('newer')));
  await told.next('gone', () => unlinkSync(inside('newer')));
  await told.next('saved as editors do', () => {
    writeFileSync(join(root, 'draft'), 'x');
    renameSync(join(root, 'draft'), inside('old'));
  });
  await told.next('a folder', () => mkdirSync(inside('sub')));
  const before = told.times;
  writeFileSync(inside('sub/deeper'), 'x');
  writeFileSync(join(root, 'beside'), 'x');
  await settled(root, follow);
  t.equal(told.times, before, 'what is deeper or beside is not in it');
  told.stop();
  writeFileSync(inside('later'), 'x');
  await settled(root, follow);
  t.equal(told.times, before, 'nor is anybody told who went');
});

t.test(
  'a folder that is replaced, moved or deleted is told of, and what is at its path then is followed',
  async (t) => {
    const { root, follow, folders } = await openWatch(t);
    mkdirSync(join(root, 'a/b'), { recursive: true });
    mkdirSync(join(root, 'other'));
    const told = follow('a/b');
    await told.next('deleted', () => rmSync(join(root, 'a/b'), { recursive: true }));
    await told.next('made anew', () => mkdirSync(join(root, 'a/b')));
    await told.next('and watched', () => writeFileSync(join(root, 'a/b/f'), 'x'));
    await told.next('replaced', () => {
      renameSync(join(root, 'a/b'), join(root, 'gone'));
      renameSync(join(root, 'other'), join(root, 'a/b'));
    });
    await told.next('and watched too', () => writeFileSync(join(root, 'a/b/f'), 'x'));
    await told.next('the folder above moves, as acts tell', () => {
      renameSync(join(root, 'a'), join(root, 'z'));
      folders.tell(pathsKey(ann));
    });
    await told.next('a link in its place leads nowhere', () => {
      mkdirSync(join(root, 'a'));
      symlinkSync(join(root, 'z/b'), join(root, 'a/b'));
      folders.tell(folderKey(ann, path('a/b')));
    });
    const before = told.times;
    writeFileSync(join(root, 'z/b/behind-the-link'), 'x');
    await settled(root, follow);
    t.equal(told.times, before, 'links are not followed');
    await told.next('the whole area is deleted', () => {
      rmSync(root, { recursive: true });
      mkdirSync(join(root, 'a/b'), { recursive: true });
    });
    await told.next('and there again', () => writeFileSync(join(root, 'a/b/f'), 'x'));
  },
);

t.test('a storm is told in turns, and its last change always', async (t) => {
  const { root, follow } = await openWatch(t, { restMs: 1000 });
  const told = follow('');
  const cheap = follow('', 0);
  for (let n = 0; n < 2_000; n++) writeFileSync(join(root, `f${n % 50}`), String(n));
  await eventually('the first', () => told.times > 0);
  const during = told.times;
  t.ok(during <= 2, `${during} times for two thousand changes`);
  await cheap.next('and what comes after them', () => writeFileSync(join(root, 'last'), 'x'));
});

t.test('where the system watches no more, folders are looked at, and Health says so', async (t) => {
  const warned: string[] = [];
  let isFull = true;
  const watchFolder = (folder: string) => {
    if (isFull) throw Object.assign(new Error('no more watches'), { code: 'ENOSPC' });
    return watch(folder, { persistent: false });
  };
  const log = { ...silentLog, warn: (_: object, message: string) => void warned.push(message) };
  const { root, follow, folders } = await openWatch(t, { log, watchFolder });
  const told = follow('');
  const others = follow('d');
  t.match(watchHealth(folders.state()), { status: 'warning', message: /ENOSPC/, remedy: /max_user_watches/ });
  t.equal(warned.length, 1, 'said once');
  await told.next('a new file', () => writeFileSync(join(root, 'new'), 'x'));
  await others.next('a folder that was not there', () => mkdirSync(join(root, 'd')));
  isFull = false;
  await eventually('it is watched when there is room', () => watchHealth(folders.state()).status === 'ok');
  const before = told.times;
  await eventually('and tells of changes in files again', () => {
    appendFileSync(join(root, 'new'), 'y');
    return told.times > before;
  });
});

t.test('only so many are watched, the ones that were asked for last', async (t) => {
  const watched = new Set<string>();
  const watchFolder = (folder: string) => {
    const watcher = watch(folder, { persistent: false });
    const id = `${folder} ${Math.random()}`;
    watched.add(id);
    return watcher.on('close', () => watched.delete(id));
  };
  const { root, follow } = await openWatch(t, { watchFolder });
  const all = [];
  for (let n = 0; n < 520; n++) {
    mkdirSync(join(root, `d${n}`));
    all.push(follow(`d${n}`));
  }
  await eventually('bounded', () => watched.size === 500);
  await all[519]!.next('the last one at once', () => writeFileSync(join(root, 'd519/f'), 'x'));
  await all[0]!.next('the first one by looking', () => writeFileSync(join(root, 'd0/f'), 'x'));
  for (const { stop } of all) stop();
  await eventually('none is left', () => watched.size === 0);
});

t.test('acts are told to every gateway on the store, also where no disk tells', async (t) => {
  await onBothStores(t, async (t, open) => {
    const database = await open(t);
    /** Each on a folder of its own: nothing but the store connects them. */
    const openOne = (store: Store) => {
      const folder = mkdtempSync(join(tmpdir(), 'knot-watch-'));
      const settings = { folder, uploadMaxBytes: 1_000_000, trashDays: 30 };
      const allowanceOf = async () => ({ whose: 'these files' });
      const files = openFiles({ settings, store, allowanceOf, clock: systemClock, log: silentLog });
      t.teardown(async () => {
        await files.close();
        rmSync(folder, { recursive: true, force: true });
      });
      return files;
    };
    const here = openOne(database.store);
    const there = openOne(await database.openAgain(systemClock));
    const areas: string[] = [];
    there.onChange((area) => void areas.push(keyOf(area)));
    const own = here.pathOf(ann);
    for (const name of ['made', 'put', 'copied', 'moved', 'trashed', 'back', 'away']) {
      mkdirSync(join(own, name));
      writeFileSync(join(own, name, 'x'), 'x');
    }
    const at = (text: string, area: typeof ann | typeof shared = ann) => ({ area, path: path(text) });
    const heard = new Set<string>();
    const expected = ['', 'made', 'put', 'copied', 'moved', 'trashed', 'back', 'away'];
    const follow = (name: string, area: typeof ann | typeof shared) =>
      there.follow(area, path(name), { costMs: 0, hear: () => void heard.add(`${keyOf(area)}/${name}`) });
    for (const name of expected) follow(name, ann);
    follow('', shared);
    here.makeFolder(ann, path('made/d'));
    await here.put(ann, path('put/f'), body('text'), { length: 4 });
    await here.copy(at('put/f'), at('copied/f'), {});
    await here.move(at('put/f'), at('moved/f'), {});
    const { id } = await here.trash(ann, path('trashed/x'), 'ann');
    await here.restore(ann, id, path('back/y'));
    await here.move(at('away/x'), at('x', shared), {});
    const all = ['shared/', ...expected.map((name) => `private/ann/${name}`)].sort();
    await eventually(
      () => `only ${[...heard].join(', ')}`,
      () => heard.size === all.length,
    );
    t.same([...new Set(areas)].sort(), ['private/ann', 'shared'], 'and what areas use');
  });
});

t.test('what others write is counted when the folder that somebody looks at has come to rest', async (t) => {
  const counted: string[] = [];
  const order: string[] = [];
  const timers = { after: (ms: number, call: () => void) => (order.push(String(ms)), setTimeout(call, 0), () => {}) };
  const recount = createRecount({
    count: async (area) => void counted.push(keyOf(area)),
    onCounted: (area) => void order.push(`told ${keyOf(area)}`),
    log: silentLog,
    timers,
  });
  recount.soon(ann);
  await eventually('counted and told', () => order.includes('told private/ann'));
  t.same([counted, order], [['private/ann'], ['5000', 'told private/ann']]);
  await recount.close();
});
