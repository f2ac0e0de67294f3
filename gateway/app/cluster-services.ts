import { absolute, type Config, type PublicAddress } from '../config/index.ts';
import { areaOfKey, type Files, pathOfText } from '../files/index.ts';
import type { Registry } from '../integrations/index.ts';
import type { Kube } from '../kube/index.ts';
import { type Clock, KnotError, type Log, namespaceOf } from '../lib/index.ts';
import { userIn } from '../provisioning/index.ts';
import type { Policy } from '../policy/index.ts';
import {
  type KubernetesEngine,
  loadKubernetes,
  type Outputs,
  type Replicas,
  type Service,
  type Size,
} from '../services/index.ts';
import { claimNames } from './cluster-files.ts';
import type { Facts } from './facts.ts';
import { sizesOfCluster } from './sizes.ts';
import { createTeamAreas } from './team-areas.ts';

/** What runs services in a cluster. */
export type ClusterServices = {
  engine: KubernetesEngine;
  /** Absent where this gateway is the only one. */
  replicas: Replicas | undefined;
  machine: string;
  sizes: readonly Size[];
  whole: { cpu: number; memory: number };
};

/** Whom files belong to, for what reads and writes them in pods: the account of the gateway (charts/knot, `account`). No pod is root. */
const filesOwner = (): { user: number; group: number } => ({
  user: process.getuid?.() || 1000,
  group: process.getgid?.() || 1000,
});

/** All gateways of an installation see the same services: none runs them alone. How much there is, quotas and the cluster say. */
export async function openClusterServices(
  config: Config,
  parts: {
    kube: Kube;
    facts: Pick<Facts, 'accounts' | 'owners'>;
    policy: Pick<Policy, 'decide'>;
    outputs: Outputs;
    publicAddress: PublicAddress;
    files: Pick<Files, 'pathBeside' | 'trash'>;
    replicas: Replicas | undefined;
    /** Of images, where there is one. */
    registry: Pick<Registry, 'host'> | undefined;
    clock: Clock;
    log: Log;
  },
): Promise<ClusterServices> {
  const { kube, facts, policy, outputs, publicAddress, files, replicas, registry, clock, log } = parts;
  const { createHelm, createKubernetesEngine } = await loadKubernetes();
  const ownNamespace = (owner: Service['owner']) => namespaceOf(config.kubernetes, owner);
  const teamsOf = createTeamsOf(config, { facts, policy });
  const { helm: program } = config.kubernetes;
  const helm = createHelm({
    // A path is one of the configuration; a name is looked for where programs are.
    program: program.includes('/') ? absolute(config, program)! : program,
    folder: `${config.data}/helm`,
    access: () => kube.connection.credentials(),
    userOf: (namespace) => userIn(namespace).user,
    log,
  });
  const engine = createKubernetesEngine({
    ...{ kube, helm, outputs, clock, log, dataFolder: config.data },
    templatesFolder: files.pathBeside('templates'),
    asOwner: (namespace) => kube.as(userIn(namespace)),
    namespaceOf: ownNamespace,
    trash: (service, folder) => trashHome(files, { service, folder, log }),
    async surroundingsOf({ owner, label }) {
      const hostname = publicAddress.hostOfService(label);
      return {
        ...{ namespace: ownNamespace(owner), hostname, origin: publicAddress.originOf(hostname) },
        privateVolume: owner.kind === 'user' ? claimNames.private : '',
        sharedVolume: claimNames.shared,
        teams: (await teamsOf(owner)).map((name) => ({ name, volume: claimNames.team(name) })),
        ...{
          files: filesOwner(),
          storageClass: config.kubernetes.storage.class ?? '',
          registry: {
            private: registry === undefined ? '' : `${registry.host}/${owner.name}`,
            shared: registry === undefined ? '' : `${registry.host}/library`,
          },
        },
      };
    },
  });
  return {
    ...{ engine, replicas, machine: 'cluster' },
    sizes: sizesOfCluster(config),
    whole: { cpu: Infinity, memory: Infinity },
  };
}

/** What cannot be taken away is told and stays: a service is not there for ever because somebody has put a link into its place. */
async function trashHome(
  files: Pick<Files, 'trash'>,
  { service: { id, name, owner }, folder, log }: { service: Service; folder: string; log: Log },
): Promise<void> {
  const area = areaOfKey(`${owner.kind === 'user' ? 'private' : 'team'}/${owner.id}`);
  if (area === undefined) return;
  try {
    await files.trash(area, pathOfText(folder), `Knot, with the service ${name}`);
  } catch (error) {
    if (error instanceof KnotError && error.code === 'KNOT_FILES_NOT_FOUND') return;
    log.warn({ err: error, service: id, folder }, 'what a removed service kept for itself is among the files yet');
  }
}

/** Teams whose files an owner's pods have: as provisioning mounts them. */
function createTeamsOf(
  config: Config,
  {
    facts: { accounts, owners },
    policy,
  }: { facts: Pick<Facts, 'accounts' | 'owners'>; policy: Pick<Policy, 'decide'> },
) {
  const areasOf = createTeamAreas({ owners, policy, domain: config.domain });
  return async ({ kind, id, name }: Service['owner']): Promise<string[]> => {
    if (kind === 'team') return [name];
    const principal = await accounts.principal(id);
    if (principal === undefined) return [];
    return (await areasOf(principal)).map(({ owner }) => owner!.name);
  };
}
