import { core, type Ground, inGroup, type Probe } from '../probe.ts';
import { claimSpec, meta, pod, secure, selector, template } from './objects.ts';

const hostPath = { volumes: [{ name: 'host', hostPath: { path: '/' } }] };
const volume = (source: Record<string, unknown>) => ({ volumes: [{ name: 'v', ...source }] });

/** Pods that would see the machine, or files of somebody else. */
export function podProbes({ ann, joanna, podSecurity, ephemeralContainers }: Ground): Probe[] {
  const refused = (id: string, title: string, path: string, body: unknown, more: object = {}): Probe => ({
    ...{ id, title, as: 'ann', expect: 'refused' },
    act: { method: 'POST', path, body },
    ...more,
  });
  const pods = `${core(ann)}/pods`;
  const apps = inGroup('apps', ann);
  const batch = inGroup('batch', ann);
  const withTemplate = (more: object = {}) => ({
    metadata: meta('probe'),
    spec: { selector, template: template(hostPath), ...more },
  });

  // What Pod Security forbids at the level `baseline` and above.
  const baseline: Probe[] = [
    refused(
      'pod-privileged',
      'a pod with every right on its machine',
      pods,
      pod({}, { securityContext: { privileged: true } }),
    ),
    refused('pod-host-network', 'a pod in the network of its machine', pods, pod({ hostNetwork: true })),
    refused('pod-host-pid', 'a pod that sees the processes of its machine', pods, pod({ hostPID: true })),
    refused('pod-host-ipc', 'a pod that shares memory with its machine', pods, pod({ hostIPC: true })),
    refused(
      'pod-host-port',
      'a pod with a port of its machine',
      pods,
      pod({}, { ports: [{ containerPort: 80, hostPort: 80 }] }),
    ),
    refused(
      'pod-capability',
      'a pod that may change the network',
      pods,
      pod({}, { securityContext: { ...secure, capabilities: { add: ['NET_ADMIN'] } } }),
    ),
    refused(
      'pod-unconfined',
      'a pod without a filter of system calls',
      pods,
      pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
    ),
    refused(
      'pod-sysctl',
      'a pod that sets what its machine shares',
      pods,
      pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    ),
    refused(
      'pod-init-privileged',
      'a pod whose first container has every right',
      pods,
      pod({ initContainers: [{ name: 'first', image: 'x', securityContext: { privileged: true } }] }),
    ),
  ];
  return [
    ...(podSecurity === 'privileged' ? [] : baseline),
    refused('pod-host-path', 'a pod with a folder of its machine', pods, pod(hostPath)),
    refused(
      'pod-nfs',
      'a pod with an export of a file server',
      pods,
      pod(volume({ nfs: { server: 'files', path: '/' } })),
    ),
    refused(
      'pod-csi',
      'a pod with a storage driver of its choice',
      pods,
      pod(volume({ csi: { driver: 'nfs.csi.k8s.io', volumeAttributes: { server: 'files', share: '/' } } })),
    ),
    refused(
      'pod-volume-of-another',
      'a pod with the volume of somebody else',
      pods,
      pod(
        volume({
          ephemeral: { volumeClaimTemplate: { spec: claimSpec({ volumeName: `${joanna.namespace}.knot-private` }) } },
        }),
      ),
    ),
    refused('deployment-host-path', 'a Deployment with a folder of the machine', `${apps}/deployments`, withTemplate()),
    refused('replicaset-host-path', 'a ReplicaSet with a folder of the machine', `${apps}/replicasets`, withTemplate()),
    refused('daemonset-host-path', 'a pod with a folder on every machine', `${apps}/daemonsets`, withTemplate()),
    refused(
      'statefulset-host-path',
      'a StatefulSet with a folder of the machine',
      `${apps}/statefulsets`,
      withTemplate({ serviceName: 'x' }),
    ),
    refused('job-host-path', 'a Job with a folder of the machine', `${batch}/jobs`, {
      metadata: meta('probe'),
      spec: { template: template(hostPath, 'Never') },
    }),
    refused('cronjob-host-path', 'a CronJob with a folder of the machine', `${batch}/cronjobs`, {
      metadata: meta('probe'),
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template(hostPath, 'Never') } } },
    }),
    {
      ...{
        id: 'later-host-path',
        title: 'a folder of the machine for a Deployment that is there',
        as: 'ann',
        expect: 'refused',
      },
      act: { method: 'PATCH', path: `${apps}/deployments/probe`, body: { spec: { template: { spec: hostPath } } } },
    },
    refused(
      'other-files-at-path',
      'something else where the files are',
      pods,
      pod(volume({ emptyDir: {} }), { volumeMounts: [{ name: 'v', mountPath: '/files/private' }] }),
      { status: 422 },
    ),
    refused('files-misspelt', 'a wish for files that nobody understands', pods, pod({}, {}, { 'knot/files': 'al' }), {
      status: 422,
    }),
    ...(ephemeralContainers
      ? []
      : [
          {
            ...{
              id: 'ephemeral-container',
              title: 'a container more in a pod that runs',
              as: 'ann' as const,
              expect: 'refused' as const,
            },
            may: { verb: 'patch', resource: 'pods', subresource: 'ephemeralcontainers', namespace: ann.namespace },
          },
        ]),
  ];
}
