import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t from 'tap';
import { catalogue, tables } from './catalogue.ts';

const tests = join(import.meta.dirname, '..');
const id = /\b[PHSTRCWDUL][0-9]{1,2}\b/g;

/** The ids in the titles of a file, and at the beginning of the names of its data rows, which become titles. */
function idsNamedIn(file: string): Set<string> {
  const source = readFileSync(file, 'utf8');
  const titles = [...source.matchAll(/test\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g)].map(([, , title]) => title!);
  const names = [...source.matchAll(/['"`]((?:[PHSTRCWDUL][0-9]{1,2}\b[ ,]*)+)(?=[ '"`a-z]|$)/gm)].map(
    ([, name]) => name!,
  );
  return new Set([...titles, ...names].flatMap((text) => [...text.matchAll(id)].map(([found]) => found)));
}

const named = new Map<string, string[]>();
for (const entry of readdirSync(tests, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !entry.name.endsWith('.ts') || file === join(import.meta.dirname, 'catalogue.ts')) continue;
  for (const found of idsNamedIn(file)) named.set(found, [...(named.get(found) ?? []), relative(tests, file)]);
}

t.test('every row of the catalogue is listed once', async (t) => {
  const expected = Object.entries(tables).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  );
  t.strictSame(
    catalogue.map((row) => row.id),
    expected,
  );
});

t.test('each row is named by a test where the list says so, or waits for a reason, and never both', async (t) => {
  for (const row of catalogue) {
    const files = named.get(row.id) ?? [];
    if ('pending' in row) {
      t.ok(row.pending.length > 10, `${row.id} says why it waits`);
      t.strictSame(files, [], `${row.id} waits, so no test claims it`);
      continue;
    }
    t.ok(row.provenIn.length > 0, `${row.id} is proven somewhere`);
    for (const file of row.provenIn) {
      t.ok(existsSync(join(tests, file)), `${file} is there`);
      t.ok(files.includes(file), `${file} names ${row.id}`);
    }
  }
  const count = catalogue.filter((row) => 'pending' in row).length;
  t.comment(`${catalogue.length - count} rows proven, ${count} pending`);
});

t.test('no test names a row that is none', async (t) => {
  const known = new Set(catalogue.map((row) => row.id));
  t.strictSame(
    [...named].filter(([found]) => !known.has(found)),
    [],
  );
});
