import { getServers } from 'node:dns';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Admission } from '../admission/index.ts';
import { absolute, type Config, parseListen, type PublicAddress } from '../config/index.ts';
import { areaOfKey, type Files } from '../files/index.ts';
import type { Registry, RequestToken } from '../integrations/index.ts';
import { isKubeFault, kinds, type Kube, type Lease, openKube, pathOf, takeLease } from '../kube/index.ts';
import { type Clock, type ComponentHealth, dayMs, type Log, silentLog, systemClock } from '../lib/index.ts';
import { createPolicy, type Policy } from '../policy/index.ts';
import {
  argoAccount,
  createProvisioning,
  createSettings,
  type Difference,
  type FixedSettings,
  type OwnerFacts,
  type Provisioning,
} from '../provisioning/index.ts';
import type { Routes } from '../routes/index.ts';
import { type ClusterAccess, openClusterAccess } from './cluster-access.ts';
import { openAdmission } from './cluster-admission.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { labelIsTaken, type Outputs } from '../services/index.ts';
import { claimNames } from './cluster-files.ts';
import { createArgoTokens, type RequestBoundToken } from './cluster-argo-tokens.ts';
import type { ClusterUpkeep } from './cluster-owners.ts';
import { createPullSecrets, pullSecretName } from './cluster-pull-secrets.ts';
import { type ClusterServices, openClusterServices } from './cluster-services.ts';
import type { Facts } from './facts.ts';
import { configuredSizes } from './sizes.ts';
import { createTeamAreas } from './team-areas.ts';
import { createWorkflowMembers } from './workflow-members.ts';

/** All of the gateway that is about a cluster. This file is imported only where `engine` is `kubernetes`. */
export type Kubernetes = {
  kube: Kube;
  provisioning: Provisioning;
  admission: Admission;
  /** What people made reachable there by hand. */
  discovery: Discovery;
  /** What runs services there. */
  services(parts: {
    outputs: Outputs;
    publicAddress: PublicAddress;
    files: Files;
    registry: Pick<Registry, 'host'> | undefined;
  }): Promise<ClusterServices>;
  /** The API server for people's own programs, where Knot can lead there. */
  access: ClusterAccess | undefined;
  /** A token of ten minutes of the account that Argo Workflows acts as in a namespace. */
  requestToken: RequestToken;
  /** Some namespace that is somebody's. */
  sampleNamespace(): Promise<string | undefined>;
  /** Whether the definition of workflows is there. */
  knowsWorkflows(): Promise<boolean>;
  health(): ComponentHealth[];
  /** Keeps in each namespace what its pods pull images of the registry with, from `start` on. */
  keepPullSecrets(registry: Registry): void;
  /** Begins to bring the cluster to what is wanted. */
  start(): void;
  close(): Promise<void>;
};

export type KubernetesParts = {
  facts: Pick<Facts, 'store' | 'accounts' | 'owners' | 'plans' | 'audit'>;
  policy: Pick<Policy, 'decide' | 'onReload'>;
  files: Files | undefined;
  clock: Clock;
  log: Log;
};

/** Opens what the configuration says of a cluster. Nothing is asked of it before `start`: it may be away. */
export async function openKubernetes(
  config: Config,
  parts: KubernetesParts & { publicAddress: PublicAddress; routes: Routes },
): Promise<Kubernetes> {
  const { facts, policy, routes, publicAddress, clock, log } = parts;
  const { kubeconfig, context, namespace, namespacePrefix } = config.kubernetes;
  const kube = await openKube({ kubeconfig: absolute(config, kubeconfig), context }, { clock, log });
  // Of gateways on one PostgreSQL one writes to the cluster; on SQLite there is one.
  const isAlone = facts.store.kind === 'sqlite';
  let lease: Lease | undefined;
  let running: ClusterServices | undefined;
  const upkeeps: ClusterUpkeep[] = [];
  const listeners: (() => void)[] = [];
  const leads = (): boolean => isAlone || lease?.isLeader() === true;
  const provisioning = openProvisioning(config, kube, { ...parts, leads });
  const wanted = createOwnerFacts(config, parts);
  const admission = openAdmission(config, kube, { owners: facts.owners, wanted, publicAddress, log });
  const discovery = createDiscovery({
    ...{ kube, store: facts.store, routes, leads, clock, log },
    places: {
      ownerIn: provisioning.ownerIn,
      namespaceOf: async (ownerId) => (await provisioning.find(ownerId))?.namespace,
    },
    isLaunched: (label) => labelIsTaken(facts.store.db, label),
    hostOfService: publicAddress.hostOfService,
    record: facts.audit.record,
  });
  if (config.integrations.argo?.auth === 'sso') {
    const { accounts, store } = facts;
    const given = { kube, accounts, store, wanted, kubernetes: config.kubernetes, leads, clock, log };
    upkeeps.push(createArgoTokens({ ...given, requestToken: boundTokensFrom(kube) }));
  }
  const access = await openClusterAccess(kube.connection, { publicAddress, namespacePrefix, log });
  const complain = (error: unknown): void => log.error({ err: error }, 'places could not be looked at');
  policy.onReload(() => void provisioning.ask().catch(complain));
  // Helm, too, ends while there is time for it.
  const onLose = async (): Promise<void> =>
    void (await Promise.all([provisioning.rest(), discovery.rest(), running?.engine.rest()]));
  const begin = (): void => {
    provisioning.start().catch(complain);
    discovery.start();
    for (const upkeep of upkeeps) upkeep.start();
    for (const hear of listeners) hear();
  };
  return {
    kube,
    provisioning,
    admission,
    discovery,
    access,
    ...tokensFrom(kube),
    health: () => [kube.health(), ...(lease ? [lease.health()] : []), ...provisioning.health(), admission.health()],
    keepPullSecrets(registry) {
      if (!hasPullRobots(config)) return;
      const { accounts, store } = facts;
      upkeeps.push(createPullSecrets({ kube, registry, accounts, store, kubernetes: config.kubernetes, leads, log }));
    },
    async services(needed) {
      const replicas = isAlone ? undefined : { leads, onLead: (hear: () => void) => void listeners.push(hear) };
      running = await openClusterServices(config, { kube, facts, policy, ...needed, replicas, clock, log });
      return running;
    },
    start() {
      // Before anybody's place: what is made there is judged from the beginning.
      admission.start();
      if (isAlone) return begin();
      lease = takeLease(kube, { namespace, name: 'knot', onLead: begin, onLose, log });
    },
    async close() {
      for (const upkeep of upkeeps) await upkeep.close();
      await discovery.close();
      await provisioning.close();
      await lease?.close();
      await admission.close();
      await kube.close();
    },
  };
}

const ofOwners = 'app.kubernetes.io/managed-by=knot,knot/owner';

/** What tools of the cluster are asked with, for a command beside a gateway that may run. */
export async function tokensBeside(config: Config): Promise<ToolsOfCluster & Pick<Kubernetes, 'close'>> {
  const { kubeconfig, context } = config.kubernetes;
  const kube = await openKube(
    { kubeconfig: absolute(config, kubeconfig), context },
    { clock: systemClock, log: silentLog },
  );
  return { ...tokensFrom(kube), close: () => kube.close() };
}

/** What tools that run in the cluster are asked with. */
export type ToolsOfCluster = Pick<Kubernetes, 'requestToken' | 'sampleNamespace' | 'knowsWorkflows'>;

const tokensFrom = (kube: Kube): ToolsOfCluster => ({
  requestToken: requestTokenFrom(kube),
  sampleNamespace: async () => (await kube.list(kinds.namespace, { labels: ofOwners })).items[0]?.metadata.name,
  // Everybody who signed in may ask what there is (Kubernetes, `system:discovery`).
  async knowsWorkflows() {
    type Found = { resources: { name: string }[] };
    try {
      const { resources } = await kube.ask<Found>({ method: 'GET', path: '/apis/argoproj.io/v1alpha1' });
      return resources.some(({ name }) => name === 'workflows');
    } catch (error) {
      if (isKubeFault(error, 'KNOT_KUBE_NOT_FOUND')) return false;
      throw error;
    }
  },
});

/** The shortest life that the API server gives (Kubernetes, TokenRequest). What it grants may be another. */
const tokenSeconds = 600;
/** Of one that lies in the cluster, and is written anew each time. */
const keptTokenSeconds = 3600;

const requestTokenFrom =
  (kube: Kube): RequestToken =>
  (namespace) =>
    askForToken(kube, namespace, { expirationSeconds: tokenSeconds });

const boundTokensFrom =
  (kube: Kube): RequestBoundToken =>
  (namespace, { metadata: { name, uid } }) => {
    const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name, uid };
    return askForToken(kube, namespace, { expirationSeconds: keptTokenSeconds, boundObjectRef });
  };

async function askForToken(kube: Kube, namespace: string, wanted: object): ReturnType<RequestToken> {
  const { spec, status } = await kube.ask<{ spec: { expirationSeconds: number }; status: { token: string } }>({
    method: 'POST',
    path: `${pathOf(kinds.serviceAccount, namespace, argoAccount)}/token`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: wanted }),
    // Another one is as good.
    isRepeatable: true,
  });
  return { token: status.token, lifeMs: spec.expirationSeconds * 1000 };
}

/** What a look at somebody would change, for a command: nothing is begun, and nothing is made. */
export async function differencesBeside(
  facts: Facts,
  config: Config,
  ids: readonly string[],
): Promise<Map<string, Difference[]>> {
  const { kubeconfig, context } = config.kubernetes;
  const [clock, log] = [systemClock, silentLog];
  const kube = await openKube({ kubeconfig: absolute(config, kubeconfig), context }, { clock, log });
  const policy = await createPolicy({ folder: config.policies, clock, log, recordReload: () => undefined });
  // The files are open in the gateway.
  const provisioning = openProvisioning(config, kube, { facts, policy, files: undefined, hasFiles: true, clock, log });
  try {
    const found = new Map<string, Difference[]>();
    for (const id of ids) found.set(id, (await provisioning.differences(id)) ?? []);
    return found;
  } finally {
    await provisioning.close();
    await kube.close();
    await policy.close();
  }
}

/** The places of people and teams. Nothing is begun. `hasFiles`: whether there are files to give, which is so where they are open here. */
export function openProvisioning(
  config: Config,
  kube: Kube,
  parts: Omit<KubernetesParts, 'policy'> & {
    policy: Pick<Policy, 'decide'>;
    hasFiles?: boolean;
    leads?: () => boolean;
  },
): Provisioning {
  const { facts, files, hasFiles = files !== undefined, leads = () => true, clock, log } = parts;
  return createProvisioning({
    kube,
    settings: createSettings(kube, fixedSettings(config, hasFiles), clock.now),
    owners: createOwnerFacts(config, parts),
    store: facts.store,
    record: facts.audit.record,
    graceMs: config.kubernetes.graceDays * dayMs,
    leads,
    clock,
    log,
  });
}

function fixedSettings(config: Config, hasFiles: boolean): FixedSettings {
  const { namespacePrefix, namespace, podSecurity } = config.kubernetes;
  const [smallest] = configuredSizes(config);
  return {
    namespacePrefix,
    gatewayNamespace: namespace,
    gatewayPort: parseListen(config.listen).port,
    podSecurity,
    defaultSize: { cpu: smallest!.cpu, memory: smallest!.memory },
    // A volume of a folder that nobody makes would keep every pod waiting, without a word.
    storage: hasFiles ? storageOf(config) : { kind: 'unusable', cause: withoutFiles },
    // In a pod they are those of every pod; elsewhere they are of no interest.
    nameServers: config.kubernetes.kubeconfig === undefined ? getServers().filter(isIP) : [],
    hasHub: config.integrations.jupyterhub.mode === 'external',
    hasArgo: config.integrations.argo !== undefined,
    argoSignsIn: config.integrations.argo?.auth === 'sso',
    // Without a login of Knot's own there are no robots to pull with.
    pullSecrets: hasPullRobots(config) ? [pullSecretName] : [],
  };
}

const hasPullRobots = ({ integrations: { harbor } }: Config): boolean =>
  harbor !== undefined && (harbor.admin ?? harbor.robot) !== undefined;

const withoutFiles =
  'The gateway cannot open files on its system, so there are none to give to anybody; its log says why.';

function storageOf(config: Config): FixedSettings['storage'] {
  const { kind, path, server, claim } = config.kubernetes.storage;
  switch (kind) {
    case 'hostPath':
      return { kind, path: path ?? absolute(config, config.files.folder) ?? join(config.data, 'files') };
    case 'nfs':
      return { kind, server: server!, path: path! };
    case 'claim':
      return { kind, claim: claim! };
  }
}

/** Who has a place, and what is in it: the same files that the owner's programs have on one machine. */
function createOwnerFacts(
  config: Config,
  { facts, policy, files }: Pick<KubernetesParts, 'facts' | 'files'> & { policy: Pick<Policy, 'decide'> },
): OwnerFacts {
  const { accounts, owners, plans } = facts;
  const teamAreasOf = createTeamAreas({ owners, policy, domain: config.domain });
  const membersOf = createWorkflowMembers(config, { accounts, policy });
  const shared = { claim: claimNames.shared, folder: 'shared' };
  const ofTeam = ({ id, name }: { id: string; name: string }) => ({
    claim: claimNames.team(name),
    folder: `team/${id}`,
  });
  const limitsOf = async (kind: 'user' | 'team', id: string) => (await plans.of({ kind, id })).plan ?? {};
  return {
    ids: async () => (await accounts.listOwners()).map(({ id }) => id),
    async find(id) {
      const principal = await accounts.principal(id);
      if (principal === undefined) {
        const team = await accounts.findTeam(id);
        if (team === undefined) return undefined;
        const owner = { kind: 'team', id, name: team.name } as const;
        const [limits, members] = [await limitsOf('team', id), await membersOf(team)];
        return { owner, isPaused: false, limits, areas: [shared, ofTeam(team)], ...(members && { members }) };
      }
      if (principal.state !== 'active' && principal.state !== 'disabled') return undefined;
      const isPaused = principal.state === 'disabled';
      // Of who is disabled nothing runs, and no rule lets them do anything: what they had is there when they come back.
      const teams = isPaused
        ? (await owners.areasOf(principal)).filter(({ kind }) => kind === 'team')
        : await teamAreasOf(principal);
      return {
        owner: { kind: 'user', id, name: principal.username },
        isPaused,
        limits: await limitsOf('user', id),
        areas: [
          { claim: claimNames.private, folder: `private/${id}` },
          shared,
          ...teams.map(({ owner }) => ofTeam(owner!)),
        ],
      };
    },
    // To be asked for where it lies is what makes it.
    makeFolder: (folder) => void files?.pathOf(areaOfKey(folder)!),
  };
}
