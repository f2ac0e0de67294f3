import { type Config, parseListen, type PublicAddress } from '../config/index.ts';
import type { Log } from '../lib/index.ts';
import { createOpsServer, type OpsServer, type OpsServerOptions } from '../ops/index.ts';
import { createRedirectListener, guardRequestLines } from '../proxy/index.ts';
import type { Kubernetes } from './kubernetes.ts';
import type { Opened } from './opened.ts';
import type { createSeen } from './seen.ts';

/** The listeners beside that of people: the one that leads from plain HTTP to it, where there is to be one, and that of operators. */
export async function openListenersBeside(
  config: Pick<Config, 'httpListen' | 'ops'>,
  parts: {
    seen: Pick<Awaited<ReturnType<typeof createSeen>>, 'metrics' | 'readiness'>;
    cluster: Pick<Kubernetes, 'admission'> | undefined;
    health: OpsServerOptions['health'];
    publicAddress: PublicAddress;
    closing: Opened['closing'];
    log: Log;
  },
): Promise<OpsServer> {
  const { seen, cluster, health, publicAddress, closing, log } = parts;
  if (config.httpListen !== undefined) {
    const redirect = { listen: parseListen(config.httpListen), publicAddress, log };
    closing(await createRedirectListener(redirect), (listener) => listener.close());
  }
  const { metrics, readiness } = seen;
  const ops = await createOpsServer({
    listen: parseListen(config.ops),
    metrics: cluster
      ? { ...metrics, text: async () => `${await metrics.text()}\n${await cluster.admission.metrics()}` }
      : metrics,
    isReady: readiness.isReady,
    health,
    guard: guardRequestLines,
    log,
  });
  return closing(ops, (listener) => listener.close());
}
