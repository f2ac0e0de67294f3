import { join } from 'node:path';
import { knotError, newSecret } from '../../lib/index.ts';
import { parseUpstream } from '../../routes/index.ts';
import type { ToolGround } from '../ground.ts';
import type { Integration } from '../integration.ts';
import { createExternalHub, externalSettings } from './external.ts';
import type { HubDescription, JupyterHubOptions } from './hub-options.ts';
import { createManagedHub, managedSettings } from './managed.ts';
import { keepSecret, noSecret, readSecretFile } from '../secret-file.ts';

const folderOf = ({ dataFolder }: Pick<HubDescription, 'dataFolder'>): string => join(dataFolder, 'jupyterhub');
const secretFileOf = (hub: Pick<HubDescription, 'dataFolder'>): string => join(folderOf(hub), 'client-secret');

/**
 * The notebooks integration in the configured mode, which is not `off`. Chooses the ports of a managed hub and makes the client
 * secret when there is none; starts nothing.
 * @throws KNOT_INTEGRATIONS_UPSTREAM_MISSING for `external` without an upstream; KNOT_INTEGRATIONS_SECRET_UNUSABLE;
 *   KNOT_INTEGRATIONS_NO_PORT
 */
export async function openJupyterHub(options: JupyterHubOptions & Pick<ToolGround, 'timeoutMs'>): Promise<Integration> {
  const { config } = options;
  const clientSecret = options.clientSecret ?? keepSecret(secretFileOf(options), newSecret);
  if (config.mode === 'managed') return createManagedHub({ ...options, folder: folderOf(options), clientSecret });
  if (config.upstream === undefined) {
    throw knotError(
      'KNOT_INTEGRATIONS_UPSTREAM_MISSING',
      400,
      'integrations.jupyterhub.mode is external, but upstream is missing.',
      {
        remedy: 'Set integrations.jupyterhub.upstream to the address of the hub, http(s)://HOST:PORT.',
      },
    );
  }
  // An operator wrote this address down; it may well be on this machine.
  const upstream = parseUpstream(config.upstream.toLowerCase(), { allowLoopback: true });
  return createExternalHub({ ...options, clientSecret, upstream });
}

/**
 * What an operator pastes into the hub's own configuration. Only reads: no port is probed and no secret made.
 * @throws KNOT_INTEGRATIONS_NO_SECRET before the first start; KNOT_INTEGRATIONS_SECRET_UNUSABLE
 */
export function describeJupyterHub(hub: HubDescription): string {
  if (hub.config.mode === 'managed') return managedSettings(folderOf(hub));
  const clientSecret = hub.clientSecret ?? readSecretFile(secretFileOf(hub));
  if (clientSecret !== undefined) return externalSettings(hub.publicAddress, clientSecret, hub.caFile);
  throw noSecret('jupyterhub');
}
