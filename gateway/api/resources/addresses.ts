import type { FastifyRequest } from 'fastify';
import type { Address as KnownAddress } from '../../discovery/index.ts';
import { serviceResource } from '../../routes/index.ts';
import { identityOf, type Needs } from '../context.ts';
import type { Address } from '../contract.ts';

/**
 * How what was made reachable in the cluster by hand is told. To the rules it is a Service of its owner, as one that was launched; whom
 * they do not let see it learns nothing of it. Undefined where there is no cluster.
 */
export function addressesFor(context: Needs<'addresses' | 'decide' | 'publicAddress'>) {
  const { addresses, decide, publicAddress } = context;

  function told(request: FastifyRequest, address: KnownAddress): Address | undefined {
    const { principal } = identityOf(request);
    const { id, owner, object, host, name, state, reason, since } = address;
    const facts = { label: name ?? unnamed, owner: owner.name, isTeam: owner.kind === 'team' };
    const resource = serviceResource(facts, facts.label);
    const may = (action: 'see' | 'view' | 'open') =>
      decide(request, { principal, action, resource }).effect === 'allow';
    if (!may('see')) return undefined;
    const isThere = state !== 'refused' && host !== undefined;
    return {
      ...{ id, owner: { kind: owner.kind, name: owner.name }, object, state, since },
      ...(host !== undefined && { host }),
      ...(isThere && { url: `${publicAddress.originOf(host)}/` }),
      ...(reason !== undefined && { reason }),
      canView: isThere && may('view'),
      canOpen: isThere && may('open'),
    };
  }

  return async (
    request: FastifyRequest,
    owners: readonly { id: string }[] | 'everybody',
  ): Promise<{ addresses?: Address[] }> => {
    if (addresses === undefined) return {};
    const known = owners === 'everybody' ? await addresses.all() : await addresses.of(owners);
    return { addresses: known.flatMap((address) => told(request, address) ?? []) };
  };
}

/** Of one whose host is none of its owner's: it has no name as a service. */
const unnamed = 'address';
