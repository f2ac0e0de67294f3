import { ZipArchive } from 'archiver';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { missingIn } from '../../dashboard/src/lib/files/zip-report.ts';

/** A zip as the gateway makes it. */
async function zipOf(entries: Record<string, string>): Promise<Blob> {
  const archive = new ZipArchive({ store: true });
  for (const [name, text] of Object.entries(entries)) archive.append(Buffer.from(text), { name });
  void archive.finalize();
  return new Blob([new Uint8Array(await buffer(archive))]);
}

const report = 'NOT IN THIS ARCHIVE.txt';

t.test('what the gateway could not pack is read from the end of its zip', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`folder/file number ${index}`, 'x']));
  t.same(await missingIn(await zipOf({ ...many, [report]: 'a/link: a link\nb: could not be opened\n' })), [
    'a/link: a link',
    'b: could not be opened',
  ]);
  t.same(await missingIn(await zipOf(many)), []);
  t.same(await missingIn(await zipOf({ [`d/${report}`]: 'x', z: 'y' })), [], 'a file of somebody with this name');
});

t.test('what is no zip, cut or empty says nothing and breaks nothing', async (t) => {
  t.same(await missingIn(new Blob([])), []);
  t.same(await missingIn(new Blob(['PK\u0005\u0006'])), []);
  t.same(await missingIn(new Blob(['x'.repeat(10_000)])), []);
  const whole = await zipOf({ a: 'x', [report]: 'a: gone\n' });
  for (let end = 0; end < whole.size; end += 7) t.ok(Array.isArray(await missingIn(whole.slice(0, end))));
});
