import type { Accounts } from '../accounts/index.ts';
import type { Config } from '../config/index.ts';
import type { WayOut } from '../integrations/index.ts';
import { type HostPattern, type Log, type Principal, readHostPattern, type Resource } from '../lib/index.ts';
import type { Policy } from '../policy/index.ts';
import { type Asker, createOutbound, createOutboundDial, type OutboundDial } from '../process/index.ts';
import { serviceResource } from '../routes/index.ts';
import type { Service, ServiceOutbound } from '../services/index.ts';
import { isAllowed } from './may-use.ts';

type Parts = {
  accounts: Pick<Accounts, 'principal' | 'principalByName' | 'memberIds'>;
  policy: Pick<Policy, 'decide'>;
  dial?: OutboundDial;
  log: Log;
};

/** The way out of services: hosts by template and knot.yaml, each asked of the policies when it is reached. */
export function outboundOfServices({ services: { network } }: Pick<Config, 'services'>, parts: Parts): ServiceOutbound {
  const { accounts, policy, dial = createOutboundDial(), log } = parts;
  const outbound = createOutbound({ dial, log });
  const everywhere = patternsOf(network.hosts);
  const internal = patternsOf(network.internal);

  /** Who runs a service: its owner; of a team who launched it, or when they left anybody who is in it. */
  async function personOf({ owner, createdBy }: Service): Promise<Principal | undefined> {
    if (owner.kind === 'user') return accounts.principal(owner.id);
    const isIn = (person: Principal | undefined): person is Principal =>
      person?.state === 'active' && person.teams.some(({ name }) => name === owner.name);
    const first = await accounts.principalByName(createdBy);
    if (isIn(first)) return first;
    for (const id of await accounts.memberIds(owner.id)) {
      const person = await accounts.principal(id);
      if (isIn(person)) return person;
    }
    return undefined;
  }

  function askerOf(service: Service): Asker {
    const { id, name, owner } = service;
    const resource = serviceResource({ label: name, owner: owner.name, isTeam: owner.kind === 'team' }, name);
    return {
      about: { service: id, name: `${owner.name}/${name}` },
      hosts: [...everywhere, ...namedBy(service)],
      internal,
      mayReach: async ({ host }) => mayReach(policy, await personOf(service), resource, host),
    };
  }

  return {
    isOpenTo(service) {
      const asker = askerOf(service);
      return asker.hosts.length + asker.internal.length > 0;
    },
    open: ({ socket, service, onRefused }) => outbound.open({ socket, asker: askerOf(service), onRefused }),
  };
}

/** The same for notebooks; undefined where they reach nothing. */
export function outboundOfNotebooks(
  { integrations: { jupyterhub } }: Pick<Config, 'integrations'>,
  parts: Parts,
): WayOut | undefined {
  const { accounts, policy, dial = createOutboundDial(), log } = parts;
  const hosts = patternsOf(jupyterhub.network.hosts);
  const internal = patternsOf(jupyterhub.network.internal);
  if (hosts.length + internal.length === 0) return undefined;
  const outbound = createOutbound({ dial, log });
  return (username, socket) => {
    const resource: Resource = {
      type: 'Service',
      id: `jupyterhub/${username}`,
      attributes: { name: username, title: jupyterhub.title, owner: username },
      parent: { type: 'Integration', id: 'jupyterhub' },
    };
    const asker: Asker = {
      about: { notebook: username },
      hosts,
      internal,
      mayReach: async ({ host }) => mayReach(policy, await accounts.principalByName(username), resource, host),
    };
    return outbound.open({ socket, asker });
  };
}

function mayReach(
  policy: Pick<Policy, 'decide'>,
  principal: Principal | undefined,
  resource: Resource,
  host: string,
): boolean {
  if (principal === undefined) return false;
  return isAllowed(policy, { principal, action: 'reach', resource }, { host, method: 'CONNECT' });
}

/** Hosts of a template count when it is the administrators' own: what people write themselves opens nothing. */
function namedBy({ template: { id, plan } }: Service): HostPattern[] {
  if (id.includes(':')) return [];
  // Services that were launched by an earlier Knot have none.
  return patternsOf((plan as Partial<typeof plan>).network?.hosts ?? []);
}

/** What is no pattern was refused where it was written. */
const patternsOf = (hosts: readonly string[]): HostPattern[] =>
  hosts.map(readHostPattern).filter((pattern) => pattern !== undefined);
