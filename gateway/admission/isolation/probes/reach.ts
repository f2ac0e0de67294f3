import { type Act, type Actor, core, type Ground, inGroup, type Probe, type Right, type Subject } from '../probe.ts';
import { ingress, meta, pod } from './objects.ts';

type Try = [id: string, title: string, tried: { act: Act } | { may: Right }];

const tries = (whose: Subject, servicesDomain: string): Try[] => [
  ['secrets', 'list the Secrets of', { act: { path: `${core(whose)}/secrets` } }],
  ['secret', 'read a Secret of', { act: { path: `${core(whose)}/secrets/probe` } }],
  ['configmaps', 'list the ConfigMaps of', { act: { path: `${core(whose)}/configmaps` } }],
  ['pods', 'list the pods of', { act: { path: `${core(whose)}/pods` } }],
  ['claims', 'list the claims of', { act: { path: `${core(whose)}/persistentvolumeclaims` } }],
  ['events', 'read what happens at', { act: { path: `${core(whose)}/events` } }],
  ['namespace', 'read the namespace of', { act: { path: core(whose) } }],
  ['new-pod', 'start a pod in the namespace of', { act: { method: 'POST', path: `${core(whose)}/pods`, body: pod() } }],
  [
    'new-configmap',
    'write into the namespace of',
    { act: { method: 'POST', path: `${core(whose)}/configmaps`, body: { metadata: meta('probe') } } },
  ],
  [
    'new-ingress',
    'open an address in the namespace of',
    {
      act: {
        method: 'POST',
        path: `${inGroup('networking.k8s.io', whose)}/ingresses`,
        body: ingress(`probe-${whose.name}.${servicesDomain}`),
      },
    },
  ],
  [
    'change-service',
    'turn the Service of',
    { act: { method: 'PATCH', path: `${core(whose)}/services/probe`, body: { spec: { selector: { app: 'mine' } } } } },
  ],
  [
    'remove-workloads',
    'remove what runs of',
    { act: { method: 'DELETE', path: `${inGroup('apps', whose)}/deployments/probe` } },
  ],
  [
    'terminal',
    'open a terminal in a pod of',
    { may: { verb: 'create', resource: 'pods', subresource: 'exec', namespace: whose.namespace } },
  ],
  [
    'logs',
    'read the log of a pod of',
    { may: { verb: 'get', resource: 'pods', subresource: 'log', namespace: whose.namespace } },
  ],
  [
    'forward',
    'forward a port of a pod of',
    { may: { verb: 'create', resource: 'pods', subresource: 'portforward', namespace: whose.namespace } },
  ],
  [
    'token',
    'take a token of an account of',
    {
      may: {
        verb: 'create',
        resource: 'serviceaccounts',
        subresource: 'token',
        name: 'knot-user',
        namespace: whose.namespace,
      },
    },
  ],
  [
    'impersonate',
    'act as the account of',
    { may: { verb: 'impersonate', resource: 'serviceaccounts', name: 'knot-user', namespace: whose.namespace } },
  ],
];

/** What belongs to somebody else, by every way that the API has. */
export function reachProbes({ ann, joanna, team, gatewayNamespace, servicesDomain }: Ground): Probe[] {
  const of = (
    as: Actor,
    whose: Subject,
    suffix: string,
    who: string,
    which: (id: string) => boolean = () => true,
  ): Probe[] =>
    tries(whose, servicesDomain)
      .filter(([id]) => which(id))
      .map(([id, title, tried]) => ({
        id: `${id}-of-${suffix}`,
        title: `${title} ${who}`,
        as,
        expect: 'refused',
        ...tried,
      }));
  const few = (id: string) => ['secrets', 'pods', 'new-pod', 'terminal'].includes(id);
  const gateway = { name: 'knot', namespace: gatewayNamespace };
  return [
    ...of('ann', joanna, 'another', 'somebody else'),
    // The other way round: one name holds the other.
    ...of('joanna', ann, 'look-alike', 'somebody whose name is the end of one’s own', few),
    ...of('ann', team, 'team-by-former-member', 'a team that one has left', few),
    ...of('ann-kubectl', team, 'team-by-kubectl', 'a team that one has left, with kubectl', few),
    ...of('ann-kubectl', joanna, 'another-by-kubectl', 'somebody else, with kubectl', few),
    ...of('ann', gateway, 'gateway', 'Knot itself', (id) => few(id) || id === 'configmaps'),
    ...of('ann', { name: 'system', namespace: 'kube-system' }, 'system', 'the system', few),
    ...of('ann-pod', joanna, 'another-by-pod', 'somebody else, from a pod', few),
    ...of('ann-pod', ann, 'owner-by-pod', 'its own owner, from a pod without an account', few),
  ];
}
