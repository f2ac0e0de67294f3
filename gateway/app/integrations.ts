import { resolve } from 'node:path';
import { type Config, parseListen, publicAddress, readSecret } from '../config/index.ts';
import { describeJupyterHub, type Integration, type JupyterHubOptions, openJupyterHub } from '../integrations/index.ts';
import { caFileIn } from '../tls/index.ts';

/** What every tool stands on: the address, the supervisor, the listener and whose files are mounted. */
export type IntegrationGround = Omit<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'>;

/** Every configured tool with single sign-on; today JupyterHub. Each is made, none is started. */
export async function openIntegrations(config: Config, options: IntegrationGround): Promise<Integration[]> {
  const { jupyterhub } = config.integrations;
  if (jupyterhub.mode !== 'managed') {
    // Who managed it before may have left servers behind: of a crash, or for a restart with another configuration than this.
    void options.supervisor.endEarlierRun();
  }
  if (jupyterhub.mode === 'off') return [];
  const { pythonEnvironment } = jupyterhub;
  const hub = await openJupyterHub({
    ...options,
    ...hubFacts(config),
    ...(pythonEnvironment !== undefined && { venvFolder: resolve(config.baseFolder, pythonEnvironment) }),
  });
  return [hub];
}

/**
 * What belongs into a tool's own configuration; undefined for an unknown one or one that is off. Only reads: whoever asks starts,
 * probes and writes nothing.
 * @throws KNOT_INTEGRATIONS_NO_SECRET, KNOT_INTEGRATIONS_SECRET_UNUSABLE
 */
export function describeIntegration(config: Config, name: string): string | undefined {
  if (name !== 'jupyterhub' || config.integrations.jupyterhub.mode === 'off') return undefined;
  return describeJupyterHub({
    ...hubFacts(config),
    publicAddress: publicAddress(config, parseListen(config.listen).port),
    caFile: config.tls.cert === undefined ? caFileIn(config.data) : undefined,
  });
}

function hubFacts(config: Config): Pick<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'> {
  const { jupyterhub } = config.integrations;
  const secret = jupyterhub.clientSecret && readSecret(jupyterhub.clientSecret, config.baseFolder);
  return { config: jupyterhub, dataFolder: config.data, ...(secret && { clientSecret: secret }) };
}
