/**
 * What simulated nodes and pods do (stages of kwok 0.8). A pod is told by its annotation `test.knot/pod`, or by the host in the name
 * of an image, which a chart's values choose: see `fates`. `test.knot/ready-after: 2s`, `test.knot/runs-for: 2s` (of a Job or a workflow) and `test.knot/gone-after: 2s` delay it;
 * without them everything happens at once. Probes are not run, pod addresses lead nowhere.
 */

/** The pod's annotation and its image's host, for everything but a pod that starts. */
const fates = {
  /** ImagePullBackOff, with the event of a kubelet. */
  'pull-error': 'missing.test',
  /** CrashLoopBackOff after three restarts. */
  'crash-loop': 'crash.test',
  /** Ends with status 1 and stays so. */
  fail: 'fail.test',
  /** Is scheduled, and nothing more is ever heard of it. */
  hang: 'hang.test',
};

type Fate = keyof typeof fates;

type Expression = { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: readonly string[] };

const hosts = Object.fromEntries(Object.entries(fates).map(([fate, host]) => [host, fate]));
const fateOf = `[.metadata.annotations["test.knot/pod"], (.spec.containers[].image | ${JSON.stringify(hosts)}[split("/")[0]])][]`;

const isFated = (fate: Fate): Expression => ({ key: fateOf, operator: 'In', values: [fate] });
const isFatedToNothing: Expression = { key: fateOf, operator: 'NotIn', values: Object.keys(fates) };
const isInPhase = (phase: string): Expression => ({ key: '.status.phase', operator: 'In', values: [phase] });
const isDeleted = (operator: 'Exists' | 'DoesNotExist'): Expression => ({
  key: '.metadata.deletionTimestamp',
  operator,
});
const isReady = (operator: 'In' | 'NotIn'): Expression => ({
  key: '.status.conditions.[] | select( .type == "Ready" ) | .status',
  operator,
  values: ['True'],
});

function stage(name: string, kind: 'Node' | 'Pod', matchExpressions: readonly Expression[], rest: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, ...rest },
  };
}

const conditionsOfNode = (more: string) => `
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  ${more}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}`;

const nodeReady = stage('node-ready', 'Node', [isReady('NotIn')], {
  next: {
    statusTemplate: `${conditionsOfNode('lastTransitionTime: {{ $now | Quote }}')}
addresses:
- { type: InternalIP, address: {{ NodeIP | Quote }} }
- { type: Hostname, address: {{ NodeName | Quote }} }
daemonEndpoints: { kubeletEndpoint: { Port: {{ NodePort }} } }
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: kwok
  kernelVersion: kwok
  kubeProxyVersion: kwok
  kubeletVersion: kwok
  machineID: ""
  operatingSystem: linux
  osImage: ""
  systemUUID: ""
`,
  },
});

const nodeHeartbeat = stage('node-heartbeat', 'Node', [isReady('In')], {
  // Well below the 50 s after which the controller manager holds a node for lost.
  delay: { durationMilliseconds: 15_000, jitterDurationMilliseconds: 20_000 },
  next: { statusTemplate: conditionsOfNode('') },
  immediateNextStage: true,
});

const condition = (type: string, status: 'True' | 'False', reason = '') =>
  `- { type: ${type}, status: "${status}", reason: "${reason}", lastTransitionTime: {{ $now | Quote }} }\n`;

/** The status of a pod all of whose containers are in one state. `state` is what the YAML says for each. */
function statusOfPod({ isUp, reason, state }: { isUp: boolean; reason?: string; state: string }): string {
  const up = isUp ? 'True' : 'False';
  return `
{{ $now := Now }}
conditions:
${condition('Initialized', 'True')}${condition('Ready', up, reason)}${condition('ContainersReady', up, reason)}
{{ range .spec.readinessGates }}
- { type: {{ .conditionType | Quote }}, status: "${up}", lastTransitionTime: {{ $now | Quote }} }
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: ${isUp}
  started: ${isUp}
  ${state}
{{ end }}
`;
}

const ended = (exitCode: number, reason: string) =>
  `{ terminated: { exitCode: ${exitCode}, reason: ${reason}, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }} } }`;

const initContainersEnded = `
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: { running: { startedAt: {{ $now | Quote }} } }
  {{ else }}
  state: ${ended(0, 'Completed')}
  {{ end }}
{{ end }}
`;

const addresses = `
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs: [{ ip: {{ index . 0 | Quote }} }]
{{ end }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs: [{ ip: {{ index . 0 | Quote }} }]
{{ end }}
`;

const started = 'startTime: {{ $now | Quote }}\n';
const isPending = [isDeleted('DoesNotExist'), isInPhase('Pending')];

const podStages = [
  stage('pod-ready', 'Pod', [...isPending, isFatedToNothing], {
    delay: {
      durationMilliseconds: 0,
      durationFrom: { expressionFrom: '.metadata.annotations["test.knot/ready-after"]' },
    },
    next: {
      statusTemplate: `${statusOfPod({
        isUp: true,
        state: 'restartCount: 0\n  state: { running: { startedAt: {{ $now | Quote }} } }',
      })}${initContainersEnded}${addresses}phase: Running\n${started}`,
    },
  }),
  stage(
    'pod-complete',
    'Pod',
    [
      isDeleted('DoesNotExist'),
      isInPhase('Running'),
      { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job', 'Workflow'] },
    ],
    {
      delay: {
        durationMilliseconds: 0,
        durationFrom: { expressionFrom: '.metadata.annotations["test.knot/runs-for"]' },
      },
      next: {
        statusTemplate: `${statusOfPod({
          isUp: false,
          reason: 'PodCompleted',
          state: `restartCount: 0\n  state: ${ended(0, 'Completed')}`,
        })}phase: Succeeded\n`,
      },
    },
  ),
  stage(
    'pod-pull-error',
    'Pod',
    [...isPending, { key: '.status.containerStatuses.[].name', operator: 'DoesNotExist' }, isFated('pull-error')],
    {
      next: {
        event: { type: 'Warning', reason: 'Failed', message: 'Failed to pull image: not found' },
        statusTemplate: `${statusOfPod({
          isUp: false,
          reason: 'ContainersNotReady',
          state:
            'restartCount: 0\n  state: { waiting: { reason: ImagePullBackOff, ' +
            'message: {{ printf "Back-off pulling image \\"%s\\": not found" .image | Quote }} } }',
        })}${started}`,
      },
    },
  ),
  stage('pod-crash-loop', 'Pod', [...isPending, isFated('crash-loop')], {
    next: {
      event: { type: 'Warning', reason: 'BackOff', message: 'Back-off restarting failed container' },
      statusTemplate: `${statusOfPod({
        isUp: false,
        reason: 'ContainersNotReady',
        state:
          'restartCount: 3\n  state: { waiting: { reason: CrashLoopBackOff, message: back-off 40s restarting failed container } }' +
          `\n  lastState: ${ended(1, 'Error')}`,
      })}${addresses}phase: Running\n${started}`,
    },
  }),
  stage('pod-fail', 'Pod', [...isPending, isFated('fail')], {
    next: {
      statusTemplate: `${statusOfPod({
        isUp: false,
        reason: 'PodFailed',
        state: `restartCount: 0\n  state: ${ended(1, 'Error')}`,
      })}phase: Failed\n${started}`,
    },
  }),
  stage('pod-delete', 'Pod', [isDeleted('Exists')], {
    delay: {
      durationMilliseconds: 0,
      durationFrom: { expressionFrom: '.metadata.annotations["test.knot/gone-after"]' },
    },
    next: { delete: true },
  }),
];

/** Every pod's log, as a container runtime writes it: time, stream, whether the line is whole, text. */
export const simulatedLog = ['listening on :8080', 'ready']
  .map((text, second) => `2026-01-01T00:00:0${second}Z stdout F ${text}\n`)
  .join('');

/** The documents of kwok's `--config`. Every pod has the same log, the lines of `logsFile`. */
export function kwokConfiguration({ logsFile }: { logsFile: string }): string {
  const more = [
    {
      apiVersion: 'kwok.x-k8s.io/v1alpha1',
      kind: 'ClusterLogs',
      metadata: { name: 'every-pod' },
      spec: { logs: [{ logsFile, previousLogsFile: logsFile, follow: true }] },
    },
    {
      apiVersion: 'kwok.x-k8s.io/v1alpha1',
      kind: 'ClusterExec',
      metadata: { name: 'every-pod' },
      spec: { execs: [{ local: {} }] },
    },
  ];
  return [nodeReady, nodeHeartbeat, ...podStages, ...more].map((document) => JSON.stringify(document)).join('\n---\n');
}

/** A node for kwok; with room for thousands of pods, unless `allocatable` says else (an accelerator for example). */
export function simulatedNode(name: string, allocatable: Record<string, string> = {}): object {
  const room = { cpu: '1k', memory: '1Ti', 'ephemeral-storage': '1Ti', pods: '10k', ...allocatable };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' } },
    status: { allocatable: room, capacity: room },
  };
}
