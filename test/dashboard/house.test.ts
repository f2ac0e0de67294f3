import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t from 'tap';

const source = join(import.meta.dirname, '../../dashboard/src');
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ name: relative(source, path), text: readFileSync(path, 'utf8') }));

/** Names of the files that break a rule. */
const breaking = (isBroken: (file: { name: string; text: string }) => boolean): string[] =>
  files.filter(isBroken).map(({ name }) => name);

t.test('no markup is ever made from text', async (t) => {
  t.strictSame(
    breaking(({ text }) => /\{@html|innerHTML|insertAdjacentHTML/.test(text)),
    [],
  );
});

t.test('only one file asks the gateway', async (t) => {
  t.strictSame(
    breaking(({ text }) => /\bfetch\(/.test(text)),
    ['lib/api/request.ts'],
  );
});

t.test('components stay readable, route files short', async (t) => {
  const lines = (text: string): number => text.split('\n').length;
  t.strictSame(
    breaking(({ name, text }) => name.endsWith('.svelte') && lines(text) > 200),
    [],
  );
  t.strictSame(
    breaking(({ name, text }) => /(^|\/)\+/.test(name) && lines(text) > 70),
    [],
  );
});

t.test('nothing is taken from another origin', async (t) => {
  t.strictSame(
    breaking(({ name, text }) => !/\.(ts|svelte)$/.test(name) && /(src|href|url)[=(]["']?https?:/.test(text)),
    [],
  );
});

/** The check of values and how a YAML file is read: the same code in the browser and in the gateway, and nothing of a server in it. */
const shared = /gateway\/lib\/(?:(?:values|yaml)\/[a-z-]+|template-plan)\.ts'/;

t.test('what a component imports from the gateway are types, and what both check by', async (t) => {
  const imports = (text: string): string[] => text.match(/^ *(?:import|export) (?!type)[^;]*?gateway\/[^;]*;/gm) ?? [];
  t.strictSame(
    breaking(({ text }) => imports(text).some((line) => !shared.test(line))),
    [],
  );
});

t.test('what both check by needs nothing of a server', async (t) => {
  const lib = join(import.meta.dirname, '../../gateway/lib');
  const ofBoth = ['values', 'yaml'].flatMap((folder) =>
    readdirSync(join(lib, folder)).map((name) => join(folder, name)),
  );
  for (const file of [...ofBoth, 'template-plan.ts']) {
    const text = readFileSync(join(lib, file), 'utf8');
    const values = [...text.matchAll(/^(?:import|export) (?!type)[^;]*? from '([^']+)';/gm)].map(([, from]) => from!);
    const inside = values.filter((from) => from.startsWith('.')).map((from) => join(file, '..', from));
    t.strictSame(
      inside.filter((one) => one !== 'template-plan.ts' && !ofBoth.includes(one)),
      [],
      file,
    );
    t.notOk(
      values.some((from) => from.startsWith('node:')),
      `${file} imports nothing of Node`,
    );
  }
});
