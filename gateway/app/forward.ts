import type { Config, PublicAddress } from '../config/index.ts';
import { createGuestVisitors } from '../guests/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import type { Clock, IdentifyBearer, Log, Tracer } from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import type { Policy } from '../policy/index.ts';
import { createProxy, type CredentialsOf, type Proxy, type ProxyOptions } from '../proxy/index.ts';
import type { Services } from '../services/index.ts';
import type { Applications } from './applications.ts';
import type { Facts } from './facts.ts';
import { noteUsesOfServices, sharesOfServices } from './share-rights.ts';
import { servicesInProxy, stateOfDiscovered } from './state-of.ts';

/** The forward path of every host that is not the main one: what it asks of whom. `ownPorts`: of listeners, to which no route may lead. */
export function openForwardPath(
  { limits }: Pick<Config, 'limits'>,
  parts: Applications & {
    facts: Pick<Facts, 'routes' | 'sessions' | 'accounts' | 'shares' | 'denials'>;
    policy: Pick<Policy, 'decide'>;
    keys: Pick<SigningKeys, 'signAssertion'>;
    live: Live;
    services: Services | undefined;
    /** What is told to the API server of the cluster, where people's programs may ask it. */
    clusterCredentialsOf: CredentialsOf | undefined;
    identifyBearer: IdentifyBearer;
    seen: { onAccess: ProxyOptions['onAccess']; tracer: Tracer | undefined };
    ownPorts(): readonly number[];
    publicAddress: PublicAddress;
    clock: Clock;
    log: Log;
  },
): Proxy {
  const { facts, policy, keys, live, services, integrations, watch, claimedBy, credentialsOf } = parts;
  const { identifyBearer, clusterCredentialsOf, seen, ownPorts, publicAddress, clock, log } = parts;
  const { routes, sessions, accounts, shares, denials } = facts;
  const sharedOn = sharesOfServices(shares);
  const asleepOrNot = services && servicesInProxy({ services, policy, routes, sharedOn, publicAddress });
  return createProxy({
    routes,
    sessions,
    accounts,
    decide: policy.decide,
    identifyBearer,
    claimedBy,
    credentialsOf: (route) => clusterCredentialsOf?.(route) ?? credentialsOf(route),
    sharedOn,
    guests: createGuestVisitors(shares),
    noteShareUse: noteUsesOfServices(shares, clock),
    live,
    signAssertion: keys.signAssertion,
    publicAddress,
    clock,
    log,
    onAccess: seen.onAccess,
    noteDenial: denials.note,
    ownPorts,
    limits,
    stateOf(asking) {
      const { route } = asking;
      if (route.kind === 'discovered') return stateOfDiscovered(route);
      if (route.service) return asleepOrNot?.stateOf(asking);
      return integrations.find(({ name }) => name === route.name)?.tile() ?? watch.tile(route);
    },
    ...(asleepOrNot && { wake: asleepOrNot.wake }),
    ...(services && {
      trafficOf: ({ kind, service }) => (kind === 'service' ? services.trafficOf(service!.id) : undefined),
    }),
    ...(seen.tracer && { tracer: seen.tracer }),
  });
}
