import type { Accounts } from '../accounts/index.ts';
import type { Config } from '../config/index.ts';
import type { Registry } from '../integrations/index.ts';
import { type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { createKeyedQueue, KnotError, type Log, namespaceOf } from '../lib/index.ts';
import type { Store } from '../store/index.ts';

/** What each namespace has to pull the images of its owner with. */
export const pullSecretName = 'knot-harbor';

export type PullSecrets = {
  /** Until then nothing is looked at. */
  start(): void;
  close(): Promise<void>;
};

/** How often each is looked at again: one that was changed or removed by hand is put right, and a new one is there before the old one ends. */
const resyncMs = 10 * 60_000;
/** A namespace that is not there yet. */
const soonMs = 5_000;
const atOnce = 4;

/**
 * Keeps a Secret in each namespace with which its pods pull the images of its owner from the registry. The service accounts there name it
 * (provisioning), so that nobody has to name it in a pod. It may pull and nothing else.
 */
export function createPullSecrets(options: {
  kube: Pick<Kube, 'get' | 'apply'>;
  registry: Pick<Registry, 'pullConfigOf'>;
  accounts: Pick<Accounts, 'listOwners' | 'principal' | 'findTeam'>;
  store: Pick<Store, 'onChange' | 'onGap'>;
  kubernetes: Config['kubernetes'];
  leads(): boolean;
  log: Log;
}): PullSecrets {
  const { kube, registry, accounts, store, kubernetes, leads, log } = options;
  let isAtWork = false;

  const queue = createKeyedQueue({
    work: look,
    ...{ log, atOnce, complaint: 'a pull secret could not be written', pauses: { firstMs: soonMs, mostMs: resyncMs } },
    resync: { ms: resyncMs, keys: everybody },
  });
  const ask = (ownerId: string): void => {
    if (isAtWork) queue.add(ownerId);
  };
  const askAll = (): void => {
    everybody().then(
      (ids) => ids.forEach(ask),
      (error: unknown) => log.error({ err: error }, 'owners of pull secrets could not be listed'),
    );
  };
  const stops = [store.onChange('users', ask), store.onChange('teams', ask), store.onGap(askAll)];

  async function everybody(): Promise<string[]> {
    return isAtWork && leads() ? (await accounts.listOwners()).map(({ id }) => id) : [];
  }

  async function look(ownerId: string): Promise<number | void> {
    if (!isAtWork || !leads()) return;
    const owner = await ownerOf(ownerId);
    if (owner === undefined) return;
    const wanted = secretFor(namespaceOf(kubernetes, owner), registry.pullConfigOf(owner.name));
    try {
      const found = await kube.get(kinds.secret, pullSecretName, wanted.metadata.namespace);
      if (found === undefined || !isSame(found, wanted)) await kube.apply(wanted);
    } catch (error) {
      const isEarly = error instanceof KnotError && error.code === 'KNOT_KUBE_NOT_FOUND';
      if (!isEarly) throw error;
      return soonMs;
    }
  }

  async function ownerOf(id: string): Promise<{ kind: 'user' | 'team'; name: string } | undefined> {
    const principal = await accounts.principal(id);
    if (principal) return principal.state === 'active' ? { kind: 'user', name: principal.username } : undefined;
    const team = await accounts.findTeam(id);
    return team && { kind: 'team', name: team.name };
  }

  return {
    start() {
      isAtWork = true;
      askAll();
    },
    async close() {
      isAtWork = false;
      for (const stop of stops) stop();
      await queue.stop();
    },
  };
}

const key = '.dockerconfigjson';

/** Kubernetes, "Docker config Secrets". */
function secretFor(namespace: string, dockerConfig: string): KubeObject & { data: Record<string, string> } {
  return {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson' },
    metadata: { name: pullSecretName, namespace, labels: { 'app.kubernetes.io/managed-by': 'knot' } },
    data: { [key]: Buffer.from(dockerConfig).toString('base64') },
  };
}

const isSame = (found: KubeObject, wanted: ReturnType<typeof secretFor>): boolean =>
  (found['data'] as Record<string, string> | undefined)?.[key] === wanted.data[key];
