import { forOthers, type Rule, type RuleSettings, texts } from './rule.ts';

/** Everything that holds a pod, or the pattern of one. Other kinds make pods, which are looked at themselves. */
const workloads: Rule['resources'] = [
  { apiGroups: [''], resources: ['pods', 'podtemplates', 'replicationcontrollers'] },
  { apiGroups: ['apps'], resources: ['daemonsets', 'deployments', 'replicasets', 'statefulsets'] },
  { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
];

const podSpec = `object.kind == 'Pod' ? object.spec
  : object.kind == 'CronJob' ? object.spec.jobTemplate.spec.template.spec
  : object.kind == 'PodTemplate' ? object.template.spec
  : object.spec.template.spec`;

/** Kinds of volumes that hold nothing of a machine or of somebody else. A kind that is made tomorrow is refused until it stands here. */
const harmless = [
  'configMap',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** Whether a claim asks for storage of its own in place of a certain volume, which may be somebody's. */
const isOwn = (spec: string) =>
  `!(has(${spec}.volumeName) && ${spec}.volumeName != '') && !has(${spec}.selector) && !(has(${spec}.storageClassName) && ${spec}.storageClassName == '') && !(has(${spec}.dataSourceRef) && has(${spec}.dataSourceRef.namespace))`;

const chooses =
  'A claim asks for storage of a class; it names no volume, selects none, and copies from no other namespace.';

/** The volumes of pods and of what makes pods, by whomever: a pod that slips through is one too many. */
export const volumesRule = ({ csiDrivers }: RuleSettings): Rule => ({
  name: 'knot-volumes',
  resources: workloads,
  variables: {
    podSpec,
    volumes: `has(variables.podSpec.volumes) ? variables.podSpec.volumes : []`,
    foreign: `variables.volumes.filter(v, !(${[
      ...harmless.map((kind) => `has(v.${kind})`),
      `(has(v.csi) && v.csi.driver in ${csiDrivers.length > 0 ? texts(csiDrivers) : "['']"})`,
    ].join(' || ')}))`,
  },
  must: [
    {
      hold: 'variables.foreign.size() == 0',
      says: "'A pod brings no volume of a machine, a file server or a storage driver (' + variables.foreign.map(v, v.name).join(', ') + '). Your files are at /files/private and /files/shared; for more ask with a claim (PersistentVolumeClaim).'",
      isExpression: true,
    },
    {
      hold: `variables.volumes.all(v, !has(v.ephemeral) || (${isOwn('v.ephemeral.volumeClaimTemplate.spec')}))`,
      says: chooses,
    },
  ],
});

/** Claims of owners. Controllers make them after a StatefulSet, which is looked at here itself. */
export const claimsRule: Rule = {
  name: 'knot-claims',
  resources: [
    { apiGroups: [''], resources: ['persistentvolumeclaims'] },
    { apiGroups: ['apps'], resources: ['statefulsets'] },
  ],
  conditions: forOthers,
  variables: {
    specs: `object.kind == 'PersistentVolumeClaim' ? [object.spec]
  : has(object.spec.volumeClaimTemplates) ? object.spec.volumeClaimTemplates.map(c, c.spec) : []`,
    // What a claim was bound to stays in it, and says nothing about who changes its labels or its size now.
    isUnchanged: `oldObject != null && object.kind == 'PersistentVolumeClaim' && has(oldObject.spec.volumeName) && has(object.spec.volumeName) && object.spec.volumeName == oldObject.spec.volumeName`,
  },
  must: [{ hold: `variables.isUnchanged || variables.specs.all(s, ${isOwn('s')})`, says: chooses }],
};

/** A container that is added to a pod that runs: none is counted by the quota, and none is shown in what Knot launched. */
export const ephemeralContainersRule: Rule = {
  name: 'knot-ephemeral-containers',
  resources: [{ apiGroups: [''], resources: ['pods/ephemeralcontainers'] }],
  conditions: forOthers,
  must: [
    {
      hold: 'false',
      says: 'No container may be added to a pod that runs (kubectl debug): quotas do not count it. Start a pod of your own, or use the terminal in Knot. An administrator can allow it: kubernetes.admission.ephemeralContainers.',
    },
  ],
};
