import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessPlan } from '../../../lib/index.ts';
import type { NpmList } from '../../../process/index.ts';

/** What a template needs of Python. */
export type PythonSet = {
  /** One requirement each (`name==version`), with digests where the template has them; without comments, sorted. */
  requirements: readonly string[];
  /** Everything is listed, with digests: nothing else is looked for. */
  isLocked: boolean;
};

/** What a template needs of npm: every package, with digests. */
export type NpmSet = { lists: readonly NpmList[] };

export type PackageSet = PythonSet | NpmSet;

/** Undefined when it needs nothing. `templateFolder` is where the files of the template are kept. */
export async function packageSetOf(
  needs: ProcessPlan['needs'],
  templateFolder: string,
): Promise<PackageSet | undefined> {
  const read = (file: string): Promise<string> => readFile(join(templateFolder, file), 'utf8');
  if (needs.npm !== undefined)
    return { lists: await Promise.all(needs.npm.map(async ({ lock, into }) => ({ text: await read(lock), into }))) };
  if (needs.requirements !== undefined)
    return { requirements: requirementsIn(await read(needs.requirements)), isLocked: true };
  return needs.python.length === 0 ? undefined : { requirements: needs.python.toSorted(), isLocked: false };
}

/** Requirements of a file of pip: lines that go on are one, comments are none. */
export function requirementsIn(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/(^|\s)#.*$/, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '')
    .sort();
}
