import type { App } from '../app.ts';
import { absolute, type ConfigOverrides, loadConfig } from '../config/index.ts';
import { listNames, systemClock } from '../lib/index.ts';

/**
 * Starts the gateway anew with its present configuration while notebook servers go on; asked for by SIGUSR2. Everything that could
 * keep the new one from coming up is looked at before anything is stopped. Resolves with whether it was stopped: the caller
 * then puts the new one into its place. `describe` words what is wrong with the configuration.
 */
export async function stopForRestart(
  app: App,
  start: { settings: ConfigOverrides; dataFolder: string; describe: (error: unknown) => string },
): Promise<boolean> {
  const refusal = await whyNot(app, start);
  if (refusal !== undefined) {
    app.log.error({}, `the restart is refused, and everything goes on as it was: ${refusal}`);
    app.refuseRestart(refusal);
    return false;
  }
  const people = app.people();
  app.log.info(
    { people },
    people.length > 0 ? `restarting; the notebook servers of ${listNames(people)} go on` : 'restarting',
  );
  await app.close({ handsOver: true });
  return true;
}

async function whyNot(
  app: App,
  { settings, dataFolder, describe }: Parameters<typeof stopForRestart>[1],
): Promise<string | undefined> {
  try {
    const { config } = loadConfig(settings);
    if (config.data !== dataFolder)
      return `the configuration names another data folder (${config.data}); stop Knot and start it again to move it.`;
    // Loaded only here: a command needs none of it.
    const { checkCertificateFiles } = await import('../tls/index.ts');
    const files = { cert: absolute(config, config.tls.cert), key: absolute(config, config.tls.key) };
    checkCertificateFiles({ config: files, domain: config.domain, appsDomain: config.appsDomain }, systemClock.now());
  } catch (error) {
    return describe(error);
  }
  if (!canBeReplaced())
    return 'this Node cannot put a new process into its place; start Knot with `npm start` or `npx knot`.';
  const reason = app.endsOnRestart();
  const people = reason === undefined ? [] : app.people();
  return people.length === 0
    ? undefined
    : `the notebook servers of ${listNames(people)} would end, because ${reason}; stop Knot and start it again when nobody needs them.`;
}

/** The word that the `knot` command (`bin/knot.mjs`) understands: start me again. */
const again = 'knot:again';

function canBeReplaced(): boolean {
  return Boolean(process.channel) || typeof process.execve === 'function';
}

/** Never returns: the new gateway comes in the place of this process, made by whoever started it or by this process itself. */
export function giveWay(): void {
  if (process.channel) {
    process.send!(again, () => process.exit(0));
    return;
  }
  const own = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  // execve(2) keeps number and place of the process, so a service manager or container sees one that never ended.
  process.execve!(process.execPath, own, process.env);
}
