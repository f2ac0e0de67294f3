import { resolve } from 'node:path';
import { type Config, parseListen, publicAddress, readSecret } from '../config/index.ts';
import { createJupyterHub, type Integration, type JupyterHubOptions } from '../integrations/index.ts';
import { silentLog, systemClock } from '../lib/index.ts';
import { createSupervisor } from '../process/index.ts';
import { caFileIn } from '../tls/index.ts';

/** Every configured tool with single sign-on; today JupyterHub. */
export async function createIntegrations(
  config: Config,
  options: Omit<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'>,
): Promise<Integration[]> {
  const { jupyterhub } = config.integrations;
  if (jupyterhub.mode !== 'managed') {
    // Who managed it before may have left servers behind: of a crash, or for a restart with another configuration than this.
    void options.supervisor.endEarlierRun();
  }
  if (jupyterhub.mode === 'off') return [];
  const { clientSecret: secret, pythonEnvironment } = jupyterhub;
  const hub = await createJupyterHub({
    ...options,
    config: jupyterhub,
    dataFolder: config.data,
    ...(secret && { clientSecret: readSecret(secret, config.baseFolder) }),
    ...(pythonEnvironment !== undefined && { venvFolder: resolve(config.baseFolder, pythonEnvironment) }),
  });
  return [hub];
}

/**
 * What belongs into a tool's own configuration, without starting anything; undefined for an unknown one or one that is off.
 */
export async function describeIntegration(config: Config, name: string): Promise<string | undefined> {
  const listen = parseListen(config.listen);
  const supervisor = createSupervisor({ clock: systemClock, log: silentLog });
  const integrations = await createIntegrations(config, {
    publicAddress: publicAddress(config, listen.port),
    caFile: config.tls.cert === undefined ? caFileIn(config.data) : undefined,
    supervisor,
    listenAddress: listen,
    clock: systemClock,
    log: silentLog,
  });
  return integrations.find((tool) => tool.name === name)?.settings();
}
