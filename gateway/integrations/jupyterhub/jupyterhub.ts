import { join } from 'node:path';
import type { Config, ListenAddress, PublicAddress } from '../../config/index.ts';
import { type Clock, knotError, type Log, newSecret } from '../../lib/index.ts';
import type { findSandbox, Supervisor } from '../../process/index.ts';
import { parseUpstream } from '../../routes/index.ts';
import type { Integration } from '../integration.ts';
import { createExternalHub, createOffHub } from './external.ts';
import { createManagedHub } from './managed.ts';
import { keepSecret } from './secret-file.ts';

export type JupyterHubOptions = {
  config: Config['integrations']['jupyterhub'];
  publicAddress: PublicAddress;
  /** Absolute; everything of this integration is in its folder `jupyterhub`, people's files in `files`. */
  dataFolder: string;
  /** PEM file of Knot's own CA, when it has one. */
  caFile: string | undefined;
  supervisor: Supervisor;
  /** Where the gateway's HTTPS listener is bound: a managed hub talks to it without asking DNS. */
  listenAddress: ListenAddress;
  /** Secret of the OpenID client; made once and kept in the data folder when it is not configured. */
  clientSecret?: string;
  clock: Clock;
  log: Log;
  /** Python environment to use instead of the one in the data folder; may be shared by several gateways. */
  venvFolder?: string;
  /** Searched for Python and bubblewrap instead of PATH. */
  searchPath?: string;
  /** Instead of this machine's. */
  findSandbox?: typeof findSandbox;
};

/**
 * The notebooks integration in the configured mode. When it is off its tile says so, and neither its route nor its client is to
 * be registered.
 * @throws KNOT_INTEGRATIONS_UPSTREAM_MISSING for `external` without an upstream; KNOT_INTEGRATIONS_SECRET_UNUSABLE.
 */
export async function createJupyterHub(options: JupyterHubOptions): Promise<Integration> {
  const { config, dataFolder } = options;
  const folder = join(dataFolder, 'jupyterhub');
  if (config.mode === 'off') return createOffHub(options);
  const clientSecret = options.clientSecret ?? keepSecret(join(folder, 'client-secret'), newSecret);
  if (config.mode === 'managed') return createManagedHub({ ...options, folder, clientSecret });
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
