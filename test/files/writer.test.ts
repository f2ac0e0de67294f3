import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { createWriter } from '../../gateway/files/act/writer.ts';

async function openFile(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-writer-'));
  const path = join(folder, 'f');
  const file = await open(path, 'w');
  t.teardown(async () => {
    await file.close();
    rmSync(folder, { recursive: true });
  });
  return { path, file };
}

t.test('pieces of all sizes are on the disk in their order', async (t) => {
  const { path, file } = await openFile(t);
  const writer = createWriter(file);
  const sizes = [0, 1, 16_384, 65_536, 3 << 20, 1 << 20, 7, ...Array.from({ length: 300 }, (_, n) => n * 100)];
  const pieces = sizes.map((size) => randomBytes(size));
  for (const piece of pieces) await writer.write(piece);
  await writer.end();
  t.ok(readFileSync(path).equals(Buffer.concat(pieces)));
});

t.test('nothing more is taken while much waits', async (t) => {
  const { file } = await openFile(t);
  const writer = createWriter(file);
  let taken = 0;
  while (writer.write(Buffer.alloc(65_536)) === undefined) taken += 1;
  t.ok(taken < 40, `${taken} pieces of 64 KiB`);
  await writer.end();
});

t.test('what the disk refuses is told, by the next piece or at the end, and a short write goes on', async (t) => {
  const { path, file } = await openFile(t);
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const refusing = { writev: async () => Promise.reject(full), sync: async () => undefined };
  const writer = createWriter(refusing as unknown as FileHandle);
  void writer.write(Buffer.alloc(10));
  await t.rejects(writer.end(), { code: 'ENOSPC' });
  t.throws(() => writer.write(Buffer.alloc(10)), { code: 'ENOSPC' });

  const short = {
    writev: (chunks: Buffer[]) => file.write(chunks[0]!, 0, 1),
    write: (rest: Buffer, from: number) => file.write(rest, from, Math.min(2, rest.length - from)),
    sync: () => file.sync(),
  };
  const patient = createWriter(short as unknown as FileHandle);
  await patient.write(Buffer.from('abc'));
  await patient.write(Buffer.from('defgh'));
  await patient.end();
  t.equal(readFileSync(path, 'utf8'), 'abcdefgh');
});
