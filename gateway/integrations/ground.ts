import type { PublicAddress } from '../config/index.ts';
import type { Clock, Log, Principal } from '../lib/index.ts';

/** What a tool that runs elsewhere stands on. */
export type ToolGround = {
  publicAddress: PublicAddress;
  /** The secret that Knot and the tool share, made once and kept when none is configured. */
  clientSecret(name: string, configured: string | undefined): string;
  /** PEM file of Knot's own CA, when it has one. */
  caFile: string | undefined;
  /** What is in it, for tools that are told by their API whom to trust. */
  ownCaPem?: string | undefined;
  /** The cookie (`NAME=VALUE`) that lets a tool ask for metrics as somebody, for two minutes; without it there are no metrics. */
  metricsCookieOf?: ((principal: Principal) => Promise<string>) | undefined;
  /** How long one question of Knot's to it may take; what suits the tool when absent. */
  timeoutMs?: number | undefined;
  clock: Clock;
  log: Log;
};
