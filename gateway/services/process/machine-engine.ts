import { every } from '../../lib/index.ts';
import { accountOf } from '../../process/index.ts';
import type { Engine } from '../engine.ts';
import { createProcessEngine, type ProcessEngineOptions } from './engine.ts';
import { layoutIn } from './layout.ts';
import { createPackages, type Packages, type PackagesOptions } from './packages/packages.ts';
import { createPreparedEngine } from './prepared-engine.ts';

const tidyMs = 60 * 60_000;

/** What is not anybody's username: there is a hyphen in it. */
const packagesAccount = 'knot-packages';

/** The packages of templates on this machine; by default in the data folder. */
export function openPackages({
  folder,
  dataFolder,
  accounts,
  ...options
}: Omit<PackagesOptions, 'folder' | 'hidden' | 'account'> &
  Pick<ProcessEngineOptions, 'dataFolder' | 'accounts'> & { folder?: string | undefined }): Packages {
  return createPackages({
    ...options,
    folder: folder ?? layoutIn(dataFolder).packages,
    hidden: dataFolder,
    account: () => accountOf(accounts, packagesAccount),
  });
}

/** Everything that runs services on one machine: programs in sandboxes, and the packages that they need. */
export function createMachineEngine(options: ProcessEngineOptions & { packages: Packages }): Engine {
  const { packages, clock, log } = options;
  const layout = layoutIn(options.dataFolder);
  const engine = createPreparedEngine({ engine: createProcessEngine(options), packages, layout, clock });
  const tidying = every(tidyMs, () => packages.removeUnused(engine.usedPackages()), {
    log,
    complaint: 'packages that nobody uses could not be removed',
    jitter: 0.1,
  });
  return {
    ...engine,
    async close() {
      await tidying.stop();
      await engine.close();
    },
  };
}
