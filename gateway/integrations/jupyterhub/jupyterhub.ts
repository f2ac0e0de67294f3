import { join } from 'node:path';
import { type ComponentHealth, knotError, newSecret } from '../../lib/index.ts';
import { parseUpstream, type Upstream } from '../../routes/index.ts';
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
  return createExternalHub({ ...options, clientSecret, upstream: upstreamOf(options) });
}

/** An operator wrote this address down; it may well be on this machine. */
function upstreamOf({ config, upstreamCa }: Pick<HubDescription, 'config' | 'upstreamCa'>): Upstream {
  if (config.upstream !== undefined)
    return parseUpstream(config.upstream.toLowerCase(), {
      allowLoopback: true,
      ...(upstreamCa !== undefined && { ca: upstreamCa }),
    });
  throw knotError(
    'KNOT_INTEGRATIONS_UPSTREAM_MISSING',
    400,
    'integrations.jupyterhub.mode is external, but upstream is missing.',
    {
      remedy: 'Set integrations.jupyterhub.upstream to the address of the hub, http(s)://HOST:PORT.',
    },
  );
}

/**
 * What an operator pastes into the hub's own configuration. Only reads: no port is probed and no secret made.
 * @throws KNOT_INTEGRATIONS_NO_SECRET before the first start; KNOT_INTEGRATIONS_SECRET_UNUSABLE
 */
export function describeJupyterHub(hub: HubDescription): string {
  if (hub.config.mode === 'managed') return managedSettings(folderOf(hub));
  return externalSettings(hub.publicAddress, knownSecretOf(hub), hub.caFile);
}

/**
 * Asks a hub that runs elsewhere whether it is set up as it must be; a managed one is set up by Knot, and asked nothing.
 * @throws KNOT_INTEGRATIONS_NO_SECRET before the first start; KNOT_INTEGRATIONS_SECRET_UNUSABLE
 */
export async function checkJupyterHub(hub: HubDescription): Promise<ComponentHealth[]> {
  if (hub.config.mode === 'managed') return [];
  const elsewhere = createExternalHub({ ...hub, clientSecret: knownSecretOf(hub), upstream: upstreamOf(hub) });
  try {
    return await elsewhere.check!();
  } finally {
    await elsewhere.stop();
  }
}

function knownSecretOf(hub: HubDescription): string {
  const secret = hub.clientSecret ?? readSecretFile(secretFileOf(hub));
  if (secret === undefined) throw noSecret('jupyterhub');
  return secret;
}
