/**
 * One act on the files of `argv[2]`, in a process that kills itself before its n-th change of the disk (`argv[4]`). Not a test; started
 * by killed.test.ts. Prints `done` when the act was finished before that.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { Readable } from 'node:stream';

const [, , folder = '', act = '', count = ''] = process.argv;
const require = createRequire(import.meta.url);
const fs = require('node:fs') as Record<string, (...args: unknown[]) => unknown>;
const promises = require('node:fs/promises') as Record<string, (...args: unknown[]) => unknown>;
let isActing = false;
let left = Number(count);

/** Before the real call, so that each state of the disk between two changes is met once. */
function mortal(module: typeof fs, name: string): void {
  const real = module[name]!;
  module[name] = (...args: unknown[]) => {
    if (isActing && --left === 0) process.kill(process.pid, 'SIGKILL');
    return real(...args);
  };
}
for (const name of [
  'renameSync',
  'linkSync',
  'unlinkSync',
  'rmdirSync',
  'mkdirSync',
  'symlinkSync',
  'writeSync',
  'fsyncSync',
])
  mortal(fs, name);
for (const name of ['copyFile', 'utimes']) mortal(promises, name);
syncBuiltinESMExports();

const { openActs } = await import('../../gateway/files/act/open.ts');
const { copy, move } = await import('../../gateway/files/act/move.ts');
const { put } = await import('../../gateway/files/act/put.ts');
const { createTrash } = await import('../../gateway/files/act/trash.ts');
const { openAreas } = await import('../../gateway/files/walk/areas.ts');
const { pathOfText } = await import('../../gateway/files/walk/names.ts');
const { silentLog } = await import('../../gateway/lib/index.ts');

const areas = openAreas({ folder, log: silentLog });
const acts = openActs(areas);
await acts.recover();
const trash = createTrash(acts, { now: Date.now });
const ann = { kind: 'private', id: 'ann' } as const;
const shared = { kind: 'shared' } as const;
const at = (text: string, area: typeof ann | typeof shared = ann) => ({ area, path: pathOfText(text) });

const doing: Record<string, () => unknown> = {
  put: () => put(acts, ann, pathOfText('f'), Readable.from([Buffer.from('new')]), {}),
  create: () => put(acts, ann, pathOfText('new'), Readable.from([Buffer.from('new')]), { isNew: true }),
  rename: () => move(acts, at('f'), at('g'), {}),
  renameFolder: () => move(acts, at('d'), at('e'), {}),
  copy: () => copy(acts, at('d'), at('e'), {}),
  moveAcross: () => move(acts, at('d'), at('d', shared), {}),
  moveFileAcross: () => move(acts, at('f'), at('f', shared), {}),
  trash: () => trash.put(ann, pathOfText('d'), 'ann'),
  trashFile: () => trash.put(ann, pathOfText('f'), 'ann'),
  restore: () => trash.restore(ann, trash.list(ann)[0]!.id),
  empty: () => trash.empty(ann),
  putInside: () => put(acts, ann, pathOfText('m/f'), Readable.from([Buffer.from('new')]), {}),
  moveInside: () => move(acts, at('f'), at('m/g'), {}),
  trashInside: () => trash.put(ann, pathOfText('m/f'), 'ann'),
  restoreInside: () => trash.restore(ann, trash.list(ann)[0]!.id),
};
isActing = true;
await doing[act]!();
isActing = false;
process.stdout.write('done');
process.exit(0);
