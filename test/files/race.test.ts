import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { openAreas } from '../../gateway/files/walk/areas.ts';
import { nameOf, pathOfText } from '../../gateway/files/walk/names.ts';
import { silentLog } from '../../gateway/lib/index.ts';

/** Swaps the folder `d` of the area with a link to the outside, as fast as it can; counts the swaps. */
const swapper = `
const { renameSync } = require('node:fs');
const { workerData: { root, counters } } = require('node:worker_threads');
while (Atomics.load(counters, 0) === 0) {
  renameSync(root + '/d', root + '/kept'); renameSync(root + '/link', root + '/d');
  renameSync(root + '/d', root + '/link'); renameSync(root + '/kept', root + '/d');
  Atomics.add(counters, 1, 1);
}`;

t.test('a folder that is swapped with a link all the time never leads out of the area', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-race-'));
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'f'), 'outside');
  const areas = openAreas({ folder: join(folder, 'files'), log: silentLog });
  const area = { kind: 'shared' } as const;
  areas.root(area).close();
  const root = join(folder, 'files/shared');
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/f'), 'inside');

  symlinkSync(outside, join(root, 'link'));
  const counters = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(swapper, { eval: true, workerData: { root, counters } });
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));

  const counts = { inside: 0, outside: 0, refused: 0 };
  const count = (text: string | undefined) => {
    if (text === undefined) counts.refused += 1;
    else counts[text as 'inside' | 'outside'] += 1;
  };
  const byWalk = () => {
    const held = areas.folder(area, pathOfText('d'));
    try {
      const descriptor = held.file(nameOf('f'));
      try {
        return readFileSync(descriptor, 'utf8');
      } finally {
        closeSync(descriptor);
      }
    } finally {
      held.close();
    }
  };
  /** What others do: look where it leads, then open it. The turn in between only makes the window wide enough for a short test. */
  const byPrefix = async () => {
    const path = realpathSync(join(root, 'd/f'));
    if (!path.startsWith(root)) return undefined;
    await turn();
    return readFileSync(join(root, 'd/f'), 'utf8');
  };

  while (Atomics.load(counters, 1) < 10) await turn();
  for (let read = 0; read < 8000; read++) {
    try {
      count(byWalk());
    } catch {
      count(undefined);
    }
    if (read % 100 === 0) await turn();
  }
  t.equal(counts.outside, 0, `0 escapes: ${JSON.stringify(counts)}, ${Atomics.load(counters, 1)} swaps`);
  t.ok(counts.inside > 0 && counts.refused > 0, 'both states of the folder were met');

  let escapes = 0;
  for (let read = 0; read < 100_000 && escapes === 0; read++) {
    if ((await byPrefix().catch(() => undefined)) === 'outside') escapes += 1;
  }
  t.ok(escapes > 0, 'the same race finds the way out of a resolver that checks first and opens then');
  Atomics.store(counters, 0, 1);
  await worker.terminate();
  areas.close();
});
