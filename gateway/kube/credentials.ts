import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Clock, Log } from '../lib/index.ts';
import { type PluginCredential, runPlugin } from './exec-plugin.ts';
import { unauthenticated } from './faults.ts';
import { type Material, readKubeconfig, unusable, type Way, wayOfPod } from './kubeconfig.ts';

export type KubeCredentials = {
  server: URL;
  proxy: URL | undefined;
  authorization: string | undefined;
  /** As whom the kubeconfig says that all is done. */
  impersonate: { user: string; groups: string[] } | undefined;
  /** PEM. */
  tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
};

export type At = {
  /** A file. Without it this is a pod. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
  /** Folder of the service account of the pod, where it is another one. */
  serviceAccount?: string;
};

export type CredentialsKeeper = {
  /** Address of the API server at the start. */
  server: string;
  /**
   * Who Knot is, not older than a minute. `refused`: those that the API server just did not know; they are renewed where they can be.
   * @throws KnotError KNOT_KUBE_UNAUTHENTICATED
   */
  get(refused?: KubeCredentials): Promise<KubeCredentials>;
};

/** Tokens in a pod live an hour and are renewed after four fifths of it. */
const freshMs = 60_000;
/** No more often than that: a plugin is a program, and an API server that knows nobody would have it run for each request. */
const leastMs = 5000;
const beforeEndMs = 30_000;

/**
 * Keeps who Knot is in the cluster: all that the kubeconfig names (and itself) is read anew once a minute, and when the API server does
 * not know Knot any more. While it cannot be read, what was known last is used.
 * @throws KnotError KNOT_KUBE_CONFIG
 */
export async function keepCredentials(
  { kubeconfig, context, serviceAccount }: At,
  { clock, log }: { clock: Clock; log: Log },
): Promise<CredentialsKeeper> {
  const readWay = async (): Promise<Way> =>
    kubeconfig === undefined ? wayOfPod(process.env, serviceAccount) : readKubeconfig(kubeconfig, context);
  let plugin: PluginCredential | undefined;
  let held: { readAt: number; found: KubeCredentials } | undefined;
  let refusedAt = -Infinity;
  let renewing: Promise<KubeCredentials> | undefined;

  async function read(isRefused: boolean): Promise<KubeCredentials> {
    const way = await readWay();
    const tls = await tlsOf(way);
    let authorization: string | undefined;
    if (way.exec !== undefined) {
      if (isRefused || plugin === undefined || (plugin.expiresAt ?? Infinity) - beforeEndMs <= clock.now())
        plugin = await runPlugin(way.exec);
      if (plugin.token !== undefined) authorization = `Bearer ${plugin.token}`;
      if (plugin.certificate !== undefined) Object.assign(tls, { cert: plugin.certificate, key: plugin.key });
    } else if (way.tokenFile !== undefined) {
      authorization = `Bearer ${(await readFile(way.tokenFile, 'utf8')).trim()}`;
    } else if (way.token !== undefined) authorization = `Bearer ${way.token}`;
    else if (way.basic !== undefined) {
      const { username, password } = way.basic;
      authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    } else if (way.isLegacy) authorization = await legacyAuthorization(kubeconfig!, context);
    return { server: way.server, proxy: way.proxy, impersonate: way.impersonate, authorization, tls };
  }

  async function renew(isRefused: boolean): Promise<KubeCredentials> {
    const readAt = clock.now();
    if (isRefused) refusedAt = readAt;
    try {
      const found = await read(isRefused);
      held = { readAt, found };
      return found;
    } catch (error) {
      if (held === undefined) throw unauthenticated(error);
      log.warn({ err: error }, 'who Knot is in the cluster could not be read again');
      // Soon again, with what was known until then.
      held = { readAt: readAt - freshMs + leastMs, found: held.found };
      return held.found;
    }
  }

  function isDue(refused: KubeCredentials | undefined): boolean {
    const now = clock.now();
    if (held === undefined) return true;
    if (refused === held.found) return Math.abs(now - refusedAt) >= leastMs;
    const age = now - held.readAt;
    const isEnding = plugin?.expiresAt !== undefined && plugin.expiresAt - beforeEndMs <= now;
    return age < 0 || age >= (isEnding ? leastMs : freshMs);
  }

  const way = await readWay();
  // What is wrong with files is said at the start; whether a plugin works is seen when it is needed.
  await tlsOf(way).catch((error: unknown) => {
    throw unusable(`a certificate or key cannot be read (${(error as NodeJS.ErrnoException).code ?? 'wrong'})`, error);
  });
  if (way.isUnverified)
    log.warn(
      { kubeconfig },
      'the kubeconfig says insecure-skip-tls-verify: whoever answers in place of the cluster is believed',
    );

  return {
    server: way.server.href,
    async get(refused) {
      if (renewing === undefined && !isDue(refused)) return held!.found;
      const isRefused = refused !== undefined && refused === held?.found;
      return (renewing ??= renew(isRefused).finally(() => (renewing = undefined)));
    },
  };
}

async function tlsOf(way: Way): Promise<KubeCredentials['tls']> {
  const [ca, cert, key] = await Promise.all([contentOf(way.authority), contentOf(way.certificate), contentOf(way.key)]);
  return {
    ...(ca && { ca }),
    ...(cert && key && { cert, key }),
    ...(way.serverName !== undefined && { servername: way.serverName }),
    ...(way.isUnverified && { rejectUnauthorized: false }),
  };
}

const contentOf = async (material: Material | undefined): Promise<Buffer | undefined> =>
  material === undefined ? undefined : 'content' in material ? material.content : readFile(material.file);

/** What kubeconfigs said before there were plugins (OpenID Connect with a refresh token) is left to the client library. */
async function legacyAuthorization(kubeconfig: string, context: string | undefined): Promise<string | undefined> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  if (context !== undefined) config.setCurrentContext(context);
  const options: { headers?: Record<string, string> } = {};
  await config.applyToHTTPSOptions(options);
  return options.headers?.['Authorization'];
}
