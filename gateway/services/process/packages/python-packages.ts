import { createHash } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import {
  findDamage,
  findEnvironment,
  findPython,
  type Installed,
  installEnvironment,
  type InstallWords,
  type Python,
  type Supervisor,
} from '../../../process/index.ts';
import { type Installer, isProblem, type Made, rememberOnceFound } from './maker.ts';
import type { PythonSet } from './package-set.ts';

const pythonWords: InstallWords = {
  needs: 'It needs',
  packages: 'the Python packages of the template',
  isProven: false,
  listRemedy: 'Whoever wrote the template corrects the versions that it needs.',
  folderRemedy: 'An administrator gives Knot write access to its data folder.',
  again: 'Then start the service again.',
};

/** Sets of Python packages: environments of the Python that is found here, made by pip. */
export function createPythonPackages(options: {
  supervisor: Supervisor;
  searchPath: string;
  now: () => number;
}): Installer<PythonSet> {
  const { supervisor, searchPath, now } = options;
  const pythonHere = rememberOnceFound<Python>(
    () => findPython(supervisor, { searchPath, cwd: '/', words: pythonWords }),
    { now },
  );
  const madeOf = ({ python, basePrefix, packages = [] }: Installed): Made => ({
    packages: packages.length,
    readOnly: [basePrefix],
    python,
  });

  return {
    async missing() {
      const found = await pythonHere();
      return isProblem(found) ? found : undefined;
    },
    async makerOf(set) {
      const python = await pythonHere();
      if (isProblem(python)) return python;
      const key = keyOf(set, python);
      return {
        key,
        words: pythonWords,
        find(environment) {
          const found = findEnvironment(environment, key);
          return found && madeOf(found);
        },
        damage: (environment) =>
          findDamage(environment, { packages: findEnvironment(environment, key)?.packages ?? [] }),
        async make({ environment, list, confine, give, ...making }) {
          await writeFile(list, `${set.requirements.join('\n')}\n`);
          await chmod(list, 0o644);
          const result = await installEnvironment({
            ...making,
            venvFolder: environment,
            what: [...(set.isLocked ? ['--no-deps', '--require-hashes'] : []), '--requirement', list],
            total: set.isLocked ? set.requirements.length : undefined,
            print: key,
            isWithoutPip: true,
            words: pythonWords,
            python,
            confine(step) {
              give(environment);
              return confine(step, { readOnly: [python.basePrefix, list], writable: [environment] });
            },
          });
          return result.isInstalled ? madeOf(result) : { problem: result.problem };
        },
      };
    },
  };
}

/** The same requirements for the same Python are one environment, whichever templates need it. */
function keyOf({ requirements, isLocked }: PythonSet, python: { version: string; basePrefix: string }): string {
  const text = JSON.stringify([requirements, isLocked, python.version, python.basePrefix]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
