import type { Config, PublicAddress } from '../config/index.ts';
import type { Integration, ToolPlaces } from '../integrations/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import type { Clock, Identify, Log } from '../lib/index.ts';
import { createOidc, type Oidc } from '../oidc/index.ts';
import type { Certificates } from '../tls/index.ts';
import { configuredClients } from './clients.ts';
import type { Facts } from './facts.ts';
import { addressOfRaw } from './main-host.ts';

/** The OpenID Provider: clients of the configuration and of the tools; who signs in has arrived in these. */
export const openProvider = (
  config: Pick<Config, 'oidc' | 'sessions' | 'baseFolder'>,
  parts: {
    facts: Pick<Facts, 'store' | 'accounts' | 'sessions' | 'audit'>;
    keys: SigningKeys;
    identify: Identify;
    certificates: Pick<Certificates, 'caPem'>;
    integrations: readonly Integration[];
    toolPlaces: Pick<ToolPlaces, 'arrived'>;
    publicAddress: PublicAddress;
    clock: Clock;
    log: Log;
  },
): Promise<Oidc> => {
  const { facts, keys, identify, certificates, integrations, toolPlaces, publicAddress, clock, log } = parts;
  const { store, accounts, sessions, audit } = facts;
  return createOidc({
    ...{ store, clock, keys, accounts, identify, sessions, publicAddress, audit, log },
    addressOf: addressOfRaw,
    sessionSeconds: config.sessions.absoluteSeconds,
    caPem: certificates.caPem(),
    emailVerified: config.oidc.emailVerified,
    configuredClients: configuredClients(config),
    integrationClients: integrations.flatMap((tool) => tool.client ?? []),
    onSignIn: toolPlaces.arrived,
  });
};
