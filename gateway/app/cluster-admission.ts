import { type Admission, type AdmissionSettings, createAdmission, type FindGrant } from '../admission/index.ts';
import { absolute, type Config, parseListen, type PublicAddress } from '../config/index.ts';
import type { Kube } from '../kube/index.ts';
import { type Log, namespaceOf, ownerOfNamespace } from '../lib/index.ts';
import type { Owners } from '../owners/index.ts';
import type { OwnerFacts } from '../provisioning/index.ts';
import { grantedClaim } from './cluster-files.ts';

/**
 * Admission of what people and teams make in the cluster. Whose a namespace is its label says, which only Knot writes (`knot/owner`:
 * the rules about hosts go by it); what its pods get follows from accounts and policies, as for programs on one machine.
 */
export function openAdmission(
  config: Config,
  kube: Kube,
  parts: {
    owners: Pick<Owners, 'find'>;
    wanted: Pick<OwnerFacts, 'find'>;
    publicAddress: Pick<PublicAddress, 'origin'>;
    log: Log;
  },
): Admission {
  const { owners, wanted, publicAddress, log } = parts;
  const environment = { KNOT_INGRESS_URL: publicAddress.origin };
  const findGrant = createFindGrant(config, { owners, wanted, environment });
  // Who believes its certificates goes by that clock.
  return createAdmission({ kube, settings: admissionSettings(config), findGrant, clock: { now: kube.now }, log });
}

export function admissionSettings(config: Config): AdmissionSettings {
  const { namespace, admission } = config.kubernetes;
  return {
    rules: {
      gatewayNamespace: namespace,
      servicesDomain: config.appsDomain ?? config.domain,
      csiDrivers: admission.csiDrivers,
      ephemeralContainers: admission.ephemeralContainers,
    },
    listen: parseListen(admission.listen),
    url: admission.url,
    clientCa: absolute(config, admission.clientCa),
    clientNames: admission.clientNames,
  };
}

/** By the record of the owner: a name in a namespace is where to look, and never the answer. */
function createFindGrant(
  { kubernetes }: Config,
  {
    owners,
    wanted,
    environment,
  }: Pick<Parameters<typeof openAdmission>[2], 'owners' | 'wanted'> & { environment: Record<string, string> },
): FindGrant {
  return async (namespace) => {
    const named = ownerOfNamespace(kubernetes, namespace);
    const owner = named && (await owners.find(named.name));
    if (owner === undefined || namespaceOf(kubernetes, owner) !== namespace) return undefined;
    const found = await wanted.find(owner.id);
    if (found === undefined || found.isPaused) return undefined;
    return {
      namespace,
      owner,
      claims: found.areas.map(({ claim }) => grantedClaim(claim, owner.name)),
      environment,
    };
  };
}
