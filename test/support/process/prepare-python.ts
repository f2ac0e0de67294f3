/**
 * Makes what the tests share, before any test's clock runs: JupyterHub as a managed gateway installs it, Authlib for the second
 * relying party, packages and programs that the templates of services need. Does nothing when they are there.
 */
import { kubespawnerPackages } from '../../cluster/node/hub-image.ts';
import { cachedVenv, createTestHub, temporaryFolder } from '../../integrations/hub-fixture.ts';
import { prepareTemplates } from './template-packages.ts';
import { versitygw } from './versitygw.ts';
import { authlibPython } from '../../oidc/support/authlib.ts';

const notebooks = async (): Promise<void> => {
  const { hub, close } = await createTestHub({ folder: temporaryFolder(), venvFolder: cachedVenv });
  let last = '';
  const ended = new Promise<void>((resolve, reject) => {
    const look = (): void => {
      const { status, message, remedy, step } = hub.tile();
      if (step !== undefined && step !== last) console.log(`Notebooks: ${message}`);
      last = step ?? last;
      // The hub itself is the tests' business: once it starts, the environment is complete.
      if (status === 'ready' || step === 'start') resolve();
      if (status === 'failed') reject(new Error(`${message} ${remedy ?? ''}`));
    };
    hub.onChange(look);
    look();
  });
  hub.start();
  try {
    await ended;
  } finally {
    await close();
  }
};

/** A hub in a cluster is made of the same environment. */
const results = await Promise.allSettled([
  notebooks().then(kubespawnerPackages),
  authlibPython(),
  prepareTemplates(['desktop', 'tensorboard', 'marimo', 'notebook', 'code', 'terminal']),
  versitygw(),
]);
for (const result of results) if (result.status === 'rejected') console.error(String(result.reason));
process.exit(results.every(({ status }) => status === 'fulfilled') ? 0 : 1);
