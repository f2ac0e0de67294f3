import type { Accounts } from '../accounts/index.ts';
import type { Config } from '../config/index.ts';
import { type HostPattern, type Log, type Principal, readHostPattern } from '../lib/index.ts';
import type { Policy } from '../policy/index.ts';
import { serviceResource } from '../routes/index.ts';
import {
  createOutbound,
  createOutboundDial,
  type Outbound,
  type OutboundDial,
  type Service,
} from '../services/index.ts';

/** The way out of services: hosts by template and knot.yaml, each asked of the policies when it is reached. */
export function openOutbound(
  { services: { network } }: Pick<Config, 'services'>,
  parts: {
    accounts: Pick<Accounts, 'principal' | 'principalByName' | 'memberIds'>;
    policy: Pick<Policy, 'decide'>;
    dial?: OutboundDial;
    log: Log;
  },
): Outbound {
  const { accounts, policy, dial = createOutboundDial(), log } = parts;

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

  return createOutbound({
    rules: {
      everywhere: patternsOf(network.hosts),
      internal: patternsOf(network.internal),
      async mayReach(service, { host }) {
        const principal = await personOf(service);
        if (principal === undefined) return false;
        const { name, owner } = service;
        const resource = serviceResource({ label: name, owner: owner.name, isTeam: owner.kind === 'team' }, name);
        const context = { method: 'CONNECT', host, path: '/', address: '127.0.0.1', isUpgrade: false };
        return policy.decide({ principal, action: 'reach', resource, context }).effect === 'allow';
      },
    },
    dial,
    log,
  });
}

/** The configuration was checked: what is no pattern cannot be there. */
const patternsOf = (hosts: readonly string[]): HostPattern[] =>
  hosts.map(readHostPattern).filter((pattern) => pattern !== undefined);
