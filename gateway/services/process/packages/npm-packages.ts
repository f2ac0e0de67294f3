import { createHash } from 'node:crypto';
import {
  findNpm,
  findNpmDamage,
  findNpmPackages,
  installNpmPackages,
  type InstallWords,
  type Npm,
  type Supervisor,
} from '../../../process/index.ts';
import { type Installer, isProblem, rememberOnceFound } from './maker.ts';
import type { NpmSet } from './package-set.ts';

const npmWords: InstallWords = {
  needs: 'It needs',
  packages: 'the npm packages of the template',
  isProven: true,
  listRemedy: 'Whoever wrote the template corrects the lists of its packages.',
  folderRemedy: 'An administrator gives Knot write access to its data folder.',
  again: 'Then start the service again.',
};

/** Sets of npm packages: what their lists name, installed by the npm that is found here, run by the Node.js of Knot. */
export function createNpmPackages(options: {
  supervisor: Supervisor;
  searchPath: string;
  now: () => number;
}): Installer<NpmSet> {
  const { supervisor, searchPath, now } = options;
  const npmHere = rememberOnceFound<Npm>(() => findNpm(supervisor, { searchPath, words: npmWords }), { now });

  return {
    async missing() {
      const found = await npmHere();
      return isProblem(found) ? found : undefined;
    },
    async makerOf({ lists }) {
      const npm = await npmHere();
      if (isProblem(npm)) return npm;
      // Packages bring ready-made parts for one kind of machine and one interface of Node.js.
      const text = JSON.stringify([lists, process.platform, process.arch, process.versions.modules]);
      const key = createHash('sha256').update(text).digest('hex').slice(0, 24);
      return {
        key,
        words: npmWords,
        settings: npm.settings,
        find(environment) {
          const found = findNpmPackages(environment, key);
          return found && { packages: found.packages, readOnly: [] };
        },
        damage: findNpmDamage,
        async make({ environment, confine, ...making }) {
          const result = await installNpmPackages({
            ...making,
            folder: environment,
            npm,
            lists,
            print: key,
            words: npmWords,
            confine: (step) => confine(step, { readOnly: [npm.folder], writable: [environment] }),
          });
          return result.isInstalled ? { packages: result.packages, readOnly: [] } : { problem: result.problem };
        },
      };
    },
  };
}
