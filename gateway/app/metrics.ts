import { readFileSync } from 'node:fs';
import { absolute, type Config, type PublicAddress, readSecret } from '../config/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import type { Clock, Log } from '../lib/index.ts';
import { createGrants, createMetrics, type Grants, type Metrics } from '../metrics/index.ts';
import type { Facts } from './facts.ts';

/** What people ask Prometheus. This file is imported only where there is one: reading queries takes a grammar. */
export type OpenedMetrics = Metrics & Grants;

export function openMetrics(
  config: Config,
  parts: { facts: Pick<Facts, 'accounts'>; keys: SigningKeys; publicAddress: PublicAddress; clock: Clock; log: Log },
): OpenedMetrics | undefined {
  const { prometheus } = config.integrations;
  if (prometheus === undefined) return undefined;
  const { facts, keys, publicAddress, clock, log } = parts;
  const ca = absolute(config, prometheus.ca);
  const metrics = createMetrics({
    upstream: prometheus.upstream,
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(prometheus.token && { token: readSecret(prometheus.token, config.baseFolder) }),
    clock,
    log,
  });
  return {
    ...metrics,
    ...createGrants({ keys, accounts: facts.accounts, issuer: publicAddress.origin, clock }),
  };
}
