import type { Limits, Owner } from '../../owners/index.ts';

/** What is known of an owner, from which follows everything they have in the cluster. */
export type Wanted = {
  owner: Pick<Owner, 'kind' | 'id' | 'name'>;
  /** Disabled, or deleted and still in the time of grace: nothing runs, nobody acts, and what was made stays. */
  isPaused: boolean;
  /** Of the plan in force. */
  limits: Limits;
  areas: readonly WantedArea[];
  /** Of a team: who of it may use its workflows, as the rules say. Unordered. */
  members?: readonly { id: string; name: string }[];
};

/** Files of an area as a claim: `folder` is its place below the folder of all files. */
export type WantedArea = { claim: string; folder: string };

/** Where the files are for the nodes, as a volume of its own for each area can be made of it. */
export type Storage =
  | { kind: 'hostPath'; path: string }
  | { kind: 'nfs'; server: string; path: string }
  /** The volume that a claim of Knot is bound to, as it was found (`clone.ts`). */
  | { kind: 'clone'; sourceOf(folder: string, name: string): Record<string, unknown> }
  /** Why there is none that could be used; the step that needs it says so. */
  | { kind: 'unusable'; cause: string };

/** What is the same for every owner. */
export type ClusterSettings = {
  namespacePrefix: string;
  /** Of the gateway. */
  gatewayNamespace: string;
  /** Port of the gateway's containers, where its pods are asked for by other pods; 0 where it is another one at each start. */
  gatewayPort: number;
  podSecurity: 'privileged' | 'baseline' | 'restricted';
  /** What a container gets that asks for nothing: processors, bytes. */
  defaultSize: { cpu: number; memory: number };
  /** Where the API server answers, past its Service: policies see the address behind it. */
  apiServer: readonly { address: string; port: number }[];
  storage: Storage;
  /** Whom pods of the cluster ask for names, where that is known: beside the one of `kube-system`, which may be asked through a node. */
  nameServers?: readonly string[];
  /** A JupyterHub beside the gateway starts notebooks as pods of people. */
  hasHub?: boolean;
  /** Argo Workflows runs people's workflows. */
  hasArgo?: boolean;
  /** Its server signs people in, and is told by its accounts whom each namespace is open to. */
  argoSignsIn?: boolean;
  /** Secrets in each namespace that images are pulled with. */
  pullSecrets: readonly string[];
};

/** Labels of everything that is made for an owner. */
export const labelsOf = ({ kind, id, name }: Wanted['owner']): Record<string, string> => ({
  'app.kubernetes.io/managed-by': 'knot',
  'app.kubernetes.io/component': 'provisioning',
  'knot/owner': name,
  'knot/owner-kind': kind,
  'knot/owner-id': id,
});

/** Selects what provisioning made, of everybody. */
export const ofProvisioning = 'app.kubernetes.io/managed-by=knot,app.kubernetes.io/component=provisioning';
