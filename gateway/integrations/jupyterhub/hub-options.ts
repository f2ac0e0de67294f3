import type { Config, ListenAddress, PublicAddress } from '../../config/index.ts';
import type { Clock, Log } from '../../lib/index.ts';
import type { FilesOf } from './areas-socket.ts';
import type { WayOut } from './ways.ts';
import type { findSandbox, Supervisor } from '../../process/index.ts';

/** What is known of a hub before anything is started. */
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
  /** PEM of whom to trust for a hub that runs elsewhere, by https; the system's when absent. */
  upstreamCa?: string | undefined;
  clock: Clock;
  log: Log;
  /** Python environment to use instead of the one in the data folder; may be shared by several gateways. */
  venvFolder?: string;
  /** Searched for Python and bubblewrap instead of PATH. */
  searchPath?: string;
  /** Where the files of a person lie; without it each has a folder of their name in the data folder. */
  filesOf?: FilesOf | undefined;
  /** The way out of notebook servers; without it they reach nothing outside. */
  wayOut?: WayOut | undefined;
  /** Instead of this machine's. */
  findSandbox?: typeof findSandbox;
};

/** What a hub's own configuration needs to know; enough to tell an operator without starting anything. */
export type HubDescription = Pick<
  JupyterHubOptions,
  'config' | 'publicAddress' | 'dataFolder' | 'caFile' | 'clientSecret' | 'upstreamCa' | 'clock'
>;
