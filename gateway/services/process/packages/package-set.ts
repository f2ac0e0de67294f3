import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessPlan } from '../../../lib/index.ts';

/** What a template needs of Python. */
export type PackageSet = {
  /** One requirement each (`name==version`), with digests where the template has them; without comments, sorted. */
  requirements: readonly string[];
  /** Everything is listed, with digests: nothing else is looked for. */
  isLocked: boolean;
};

export const needsPackages = ({ python, requirements }: ProcessPlan['needs']): boolean =>
  python.length > 0 || requirements !== undefined;

/** Undefined when it needs nothing. `templateFolder` is where the files of the template are kept. */
export async function packageSetOf(
  needs: ProcessPlan['needs'],
  templateFolder: string,
): Promise<PackageSet | undefined> {
  if (needs.requirements !== undefined) {
    const text = await readFile(join(templateFolder, needs.requirements), 'utf8');
    return { requirements: requirementsIn(text), isLocked: true };
  }
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

/** The same requirements for the same Python are one environment, whichever templates need it. */
export function keyOf({ requirements, isLocked }: PackageSet, python: { version: string; basePrefix: string }): string {
  const text = JSON.stringify([requirements, isLocked, python.version, python.basePrefix]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
