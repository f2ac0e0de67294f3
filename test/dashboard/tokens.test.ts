import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { tokenDeclarations } from '../../gateway/lib/page/tokens.ts';

const css = readFileSync(join(import.meta.dirname, '../../dashboard/src/app.css'), 'utf8');

/** `--name: value` without the spaces that only a formatter wants. */
const normal = (text: string): string =>
  text
    .replaceAll('"', "'")
    .replaceAll(/\s*([,:()/])\s*/g, '$1')
    .trim();

t.test('the dashboard has the very tokens of the pages before sign-in', async (t) => {
  const root = css.slice(css.indexOf(':root {'), css.indexOf('}', css.indexOf(':root {')));
  const own = [...root.matchAll(/--[\w-]+:[^;]+/g)].map(([declaration]) => normal(declaration));
  const theirs = tokenDeclarations().split(';').map(normal);
  t.strictSame(own.toSorted(), theirs.toSorted());
});
