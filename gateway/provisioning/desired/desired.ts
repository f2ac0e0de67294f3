import type { KubeObject } from '../../kube/index.ts';
import { namespaceOf } from '../../lib/index.ts';
import { limitRangeOf, quotaOf } from './limits.ts';
import { networkOf } from './network.ts';
import { accountsOf, rightsOf } from './rights.ts';
import { storageOf } from './storage.ts';
import { type ClusterSettings, labelsOf, type Wanted } from './wanted.ts';

/** The steps in which an owner's place is made, in their order: rights come last, once everything that bounds them is there. */
export const stepNames = [
  'namespace',
  'accounts',
  'limits',
  'network',
  'files',
  'rights',
  'tidy',
  'workloads',
] as const;
export type StepName = (typeof stepNames)[number];

/** What there shall be for an owner, and in which step it is made. */
export type Desired = { step: StepName; object: KubeObject };

/** Rules as of this release of Kubernetes: a newer cluster does not refuse tomorrow what runs today. */
const podSecurityVersion = 'v1.36';

/**
 * All that an owner has in the cluster. Pure: the same is wanted on every look, by every replica. `isQuiet`: nothing runs any more of who
 * is paused.
 */
export function desiredOf(wanted: Wanted, settings: ClusterSettings, { isQuiet = true } = {}): Desired[] {
  const namespace = namespaceOf(settings, wanted.owner);
  const steps: [StepName, KubeObject[]][] = [
    ['namespace', [namespaceObject(namespace, settings)]],
    ['accounts', accountsOf(wanted, settings)],
    ['limits', [quotaOf(wanted), limitRangeOf(wanted, settings)]],
    ['network', networkOf(settings)],
    ['files', storageOf(namespace, wanted, settings)],
    ['rights', rightsOf(namespace, wanted, { ...settings, isQuiet })],
  ];
  const labels = labelsOf(wanted.owner);
  return steps.flatMap(([step, objects]) =>
    objects.map((object) => ({ step, object: placed(object, namespace, labels) })),
  );
}

/**
 * Keys (`keyOf`) of objects of which nobody knows how they shall be, because the files cannot be given now: they are left as they are, and
 * what runs keeps its files.
 */
export function undecidedOf(wanted: Wanted, settings: ClusterSettings): ReadonlySet<string> {
  if (settings.storage.kind !== 'unusable') return new Set();
  const somewhere = { ...settings, storage: { kind: 'hostPath', path: '/' } } as const;
  return new Set(
    storageOf(namespaceOf(settings, wanted.owner), wanted, somewhere).map(
      ({ kind, metadata }) => `${kind}/${metadata.name}`,
    ),
  );
}

function placed(object: KubeObject, namespace: string, labels: Record<string, string>): KubeObject {
  const { name, annotations, labels: own } = object.metadata;
  const isOfCluster = object.kind === 'Namespace' || object.kind === 'PersistentVolume';
  return {
    ...object,
    metadata: {
      name,
      ...(!isOfCluster && { namespace }),
      labels: { ...labels, ...own },
      ...(annotations && { annotations }),
    },
  };
}

/** Pod Security admission: what the level forbids is refused; what the strictest would forbid is said to whoever asks for it. */
function namespaceObject(name: string, { podSecurity }: ClusterSettings): KubeObject {
  const level = (mode: string, is: string) => ({
    [`pod-security.kubernetes.io/${mode}`]: is,
    [`pod-security.kubernetes.io/${mode}-version`]: podSecurityVersion,
  });
  const labels = { ...level('enforce', podSecurity), ...level('audit', 'restricted'), ...level('warn', 'restricted') };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}
