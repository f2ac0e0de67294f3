import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/index.ts';
import { textOf } from './manifest.ts';

/** What volumes of a service may be: nothing of a node, and nothing that is mounted from elsewhere without a claim. */
const volumes = new Set([
  ...['configMap', 'secret', 'emptyDir', 'downwardAPI', 'projected', 'persistentVolumeClaim', 'ephemeral', 'image'],
]);
/** Whom pods may run as: neither the person nor the notebook, whose tokens can do more. */
const accounts = new Set(['default', 'knot-workflow']);

/**
 * What a pod asks for that reaches beyond it, in plain words. Pod Security (`kubernetes.podSecurity`) and the policies of the cluster
 * judge it again when it is made; what is said here is said before anything is.
 */
export function podProblems(spec: JsonValue | undefined): string[] {
  if (!isJsonObject(spec)) return ['has no pod in it'];
  const found: string[] = [];
  for (const [field, what] of Object.entries(ofNode)) if (spec[field] === true) found.push(what);
  if (spec['hostUsers'] === true) found.push('shares the users of its node');
  if (isSaid(spec['nodeName'])) found.push('chooses its node past the scheduler');
  if (textOf(spec['priorityClassName']).startsWith('system-')) found.push('takes the priority of the cluster itself');
  for (const field of ['serviceAccountName', 'serviceAccount'])
    if (isSaid(spec[field]) && !accounts.has(textOf(spec[field])))
      found.push(`runs as the service account "${textOf(spec[field])}"`);
  for (const volume of objectsOf(spec['volumes'])) found.push(...volumeProblems(volume));
  for (const toleration of objectsOf(spec['tolerations']))
    if (!isSaid(toleration['key']) || textOf(toleration['key']).startsWith('node-role.kubernetes.io/'))
      found.push('goes to nodes that are kept for the cluster itself');
  found.push(...windowsProblems(spec));
  for (const field of ['containers', 'initContainers', 'ephemeralContainers'])
    for (const container of objectsOf(spec[field])) found.push(...containerProblems(container));
  return [...new Set(found)];
}

const ofNode: Record<string, string> = {
  hostNetwork: 'uses the network of its node',
  hostPID: 'sees the processes of its node',
  hostIPC: 'shares memory with programs of its node',
};

function volumeProblems(volume: JsonObject): string[] {
  const kinds = Object.keys(volume).filter((key) => key !== 'name');
  return kinds
    .filter((kind) => !volumes.has(kind))
    .map((kind) => (kind === 'hostPath' ? 'mounts a folder of its node' : `mounts a volume of the kind ${kind}`));
}

function containerProblems(container: JsonObject): string[] {
  const found: string[] = [];
  const context = isJsonObject(container['securityContext']) ? container['securityContext'] : {};
  if (context['privileged'] === true) found.push('is privileged: it would have its whole node');
  if (isSaid(context['procMount']) && context['procMount'] !== 'Default')
    found.push('sees what its node hides in /proc');
  found.push(...windowsProblems(container));
  if (objectsOf(container['ports']).some(({ hostPort }) => isSaid(hostPort) && hostPort !== 0))
    found.push('takes a port of its node');
  return found;
}

function windowsProblems({ securityContext }: JsonObject): string[] {
  const options = isJsonObject(securityContext) ? securityContext['windowsOptions'] : undefined;
  return isJsonObject(options) && options['hostProcess'] === true ? ['runs on its node itself'] : [];
}

const isSaid = (value: JsonValue | undefined): boolean => value !== undefined && value !== null && value !== '';

/** What is no list is refused by the API server. */
const objectsOf = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((one) => isJsonObject(one)) : [];
