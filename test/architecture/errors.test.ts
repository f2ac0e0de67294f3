import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ranks } from './ranks.ts';

const gateway = join(import.meta.dirname, '..', '..', 'gateway');
const prefixes = [...Object.keys(ranks).map((name) => name.toUpperCase()), 'INTERNAL', 'BAD'];
/** Written as a literal in the code, so that it can be found: `KNOT_<MODULE>_<WHAT>`. */
const literal = new RegExp(`['"\`](KNOT_(?:${prefixes.join('|')})(?:_[A-Z0-9]+)*)['"\`]`, 'g');

/** Settings from the environment share the prefix and are no codes. */
const settings = new Set(['KNOT_CONFIG', 'KNOT_OPS', 'KNOT_POLICIES']);

function codesInSources(): Map<string, string> {
  const codes = new Map<string, string>();
  for (const entry of readdirSync(gateway, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    for (const [, code] of readFileSync(file, 'utf8').matchAll(literal))
      if (!settings.has(code!)) codes.set(code!, file);
  }
  return codes;
}

const rows = readFileSync(join(gateway, 'ERRORS.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| KNOT_'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

t.test('every code of the sources is listed, and nothing else', async (t) => {
  const listed = new Set(rows.map(([code]) => code!));
  const used = codesInSources();
  t.strictSame(
    [...used].filter(([code]) => !listed.has(code)),
    [],
    'codes that are missing in ERRORS.md',
  );
  t.strictSame(
    [...listed].filter((code) => !used.has(code)),
    [],
    'codes that no source uses any more',
  );
  t.ok(used.size > 30, `${used.size} codes`);
});

t.test('each row has a status, a cause and a cure, once', async (t) => {
  for (const row of rows) {
    t.equal(row.length, 4, `${row[0]} has four cells`);
    t.match(row[1], /^\d{3}( or \d{3}|, \d{3})*$/, `${row[0]} has a status`);
    t.ok(row[2]!.length > 10 && row[3]!.length > 5, `${row[0]} has a cause and a cure`);
  }
  const codes = rows.map(([code]) => code);
  t.strictSame(
    codes.filter((code, index) => codes.indexOf(code) !== index),
    [],
    'listed twice',
  );
});
