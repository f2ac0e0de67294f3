import type { PublicAddress } from '../config/index.ts';
import type { Clock, Log } from '../lib/index.ts';

/** What a tool that runs elsewhere stands on. */
export type ToolGround = {
  publicAddress: PublicAddress;
  /** The secret that Knot and the tool share, made once and kept when none is configured. */
  clientSecret(name: string, configured: string | undefined): string;
  /** PEM file of Knot's own CA, when it has one. */
  caFile: string | undefined;
  clock: Clock;
  log: Log;
};
