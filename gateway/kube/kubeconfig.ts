import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { type KnotError, knotError } from '../lib/index.ts';

/** A file, or what would be in it. */
export type Material = { file: string } | { content: Buffer };

export type ExecPlugin = {
  apiVersion: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  /** What the plugin is told of the cluster, where it wants to know. */
  cluster?: Record<string, unknown>;
};

/** How to reach an API server, and as whom. */
export type Way = {
  server: URL;
  proxy?: URL;
  serverName?: string;
  /** Whoever answers is believed: somebody chose so. */
  isUnverified: boolean;
  authority?: Material;
  certificate?: Material;
  key?: Material;
  token?: string;
  tokenFile?: string;
  basic?: { username: string; password: string };
  exec?: ExecPlugin;
  /** One of the ways to sign in that came before plugins (`oidc`, `azure`, `gcp`). */
  isLegacy: boolean;
  /** As whom all is done, beside who is signed in. */
  impersonate?: { user: string; groups: string[] };
};

type Fields = Record<string, unknown>;

/** Where a pod finds the credentials of its service account. */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * What a kubeconfig says of its current context, or of `context` (Kubernetes: "Organizing Cluster Access Using kubeconfig Files").
 * Paths in it are relative to its folder; what is written in it goes before a file that it names, but a token.
 * @throws KnotError KNOT_KUBE_CONFIG
 */
export async function readKubeconfig(file: string, context?: string): Promise<Way> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unusable(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  });
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    throw unusable(`${file} is no YAML`);
  }
  if (typeof config !== 'object' || config === null) throw unusable(`${file} is no kubeconfig`);
  const all = config as Fields;
  const current = context ?? textOf(all['current-context']);
  if (!current) throw unusable(`${file} has no current context`);
  const find = (list: string, what: string, name: string | undefined): Fields => {
    const found = ((all[list] as { name?: unknown }[] | undefined) ?? []).find((one) => one?.name === name);
    const fields = (found as Fields | undefined)?.[what];
    if (found === undefined) throw unusable(`there is no ${what} ${JSON.stringify(name ?? '')} in ${file}`);
    return (fields ?? {}) as Fields;
  };
  const { cluster, user } = find('contexts', 'context', current);
  return wayOf(find('clusters', 'cluster', textOf(cluster)), find('users', 'user', textOf(user)), dirname(file));
}

function wayOf(cluster: Fields, user: Fields, folder: string): Way {
  const at = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const material = (fields: Fields, name: string): Material | undefined => {
    const [data, file] = [textOf(fields[`${name}-data`]), textOf(fields[name])];
    if (data) return { content: Buffer.from(data, 'base64') };
    return file ? { file: at(file) } : undefined;
  };
  const server = addressOf(textOf(cluster['server']), 'server', ['https:']);
  const proxyUrl = textOf(cluster['proxy-url']);
  const [username, tokenFile] = [textOf(user['username']), textOf(user['tokenFile'])];
  const [exec, as] = [user['exec'] as Fields | undefined, textOf(user['as'])];
  const found = {
    authority: material(cluster, 'certificate-authority'),
    certificate: material(user, 'client-certificate'),
    key: material(user, 'client-key'),
    proxy: proxyUrl ? addressOf(proxyUrl, 'proxy-url', ['http:', 'https:']) : undefined,
    serverName: textOf(cluster['tls-server-name']),
    token: textOf(user['token']),
    tokenFile: tokenFile ? at(tokenFile) : undefined,
    basic: username ? { username, password: textOf(user['password']) ?? '' } : undefined,
    exec: exec ? pluginOf(exec, cluster, at) : undefined,
    impersonate: as ? { user: as, groups: (user['as-groups'] as string[] | undefined) ?? [] } : undefined,
  };
  return {
    ...(Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as Partial<Way>),
    server,
    isUnverified: cluster['insecure-skip-tls-verify'] === true,
    isLegacy: typeof user['auth-provider'] === 'object' && user['auth-provider'] !== null,
  };
}

/** Client authentication by a plugin (`client.authentication.k8s.io`). */
function pluginOf(exec: Fields, cluster: Fields, at: (path: string) => string): ExecPlugin {
  const command = textOf(exec['command']);
  if (!command) throw unusable('its exec plugin has no command');
  if (exec['interactiveMode'] === 'Always') throw unusable('its exec plugin wants to talk with somebody');
  const env = (exec['env'] as { name: string; value: string }[] | null | undefined) ?? [];
  const extensions = (cluster['extensions'] as { name: string; extension: unknown }[] | undefined) ?? [];
  const { extensions: _, 'certificate-authority': __, ...told } = cluster;
  const config = extensions.find(({ name }) => name === 'client.authentication.k8s.io/exec')?.extension;
  return {
    apiVersion: textOf(exec['apiVersion']) ?? 'client.authentication.k8s.io/v1',
    // A path is one from the folder of the file; a bare name is looked for as every program is.
    command: command.includes('/') ? at(command) : command,
    args: ((exec['args'] as unknown[] | null | undefined) ?? []).map(String),
    env: Object.fromEntries(env.map(({ name, value }) => [name, String(value)])),
    ...(exec['provideClusterInfo'] === true && { cluster: { ...told, ...(config !== undefined && { config }) } }),
  };
}

/**
 * The way of a pod to its own cluster (Kubernetes: "Accessing the Kubernetes API from a Pod").
 * @throws KnotError KNOT_KUBE_CONFIG where this is no pod.
 */
export function wayOfPod(environment: NodeJS.ProcessEnv, folder = serviceAccount): Way {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) throw unusable('no kubeconfig is set, and Knot runs in no pod');
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    authority: { file: join(folder, 'ca.crt') },
    tokenFile: join(folder, 'token'),
    ...{ isUnverified: false, isLegacy: false },
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function addressOf(text: string | undefined, what: string, protocols: string[]): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && protocols.includes(url.protocol)) return url;
  throw unusable(`its ${what} must be an address with ${protocols.map((one) => `${one}//`).join(' or ')}`);
}

export const unusable = (why: string, cause?: unknown): KnotError =>
  knotError('KNOT_KUBE_CONFIG', 500, `The way to the cluster cannot be read: ${why}.`, {
    remedy: 'See kubernetes.kubeconfig and kubernetes.context in knot.yaml.',
    ...(cause !== undefined && { cause }),
  });
