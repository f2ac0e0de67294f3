import { createHash } from 'node:crypto';
import type { Config } from '../config/index.ts';
import { argoSecretNames } from '../integrations/index.ts';
import { type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { type Clock, namespaceOf } from '../lib/index.ts';
import { argoAccount, argoRule, type OwnerFacts } from '../provisioning/index.ts';
import { type ClusterUpkeep, keepForOwners } from './cluster-owners.ts';

/** A token of the account that Argo acts as in a namespace, which is nothing any more once that very Secret is gone. */
export type RequestBoundToken = (namespace: string, secret: KubeObject) => Promise<{ token: string; lifeMs: number }>;

/** Where Argo looks for the name (util/secrets, `TokenNameForServiceAccount`). */
const nameOfSecret = 'workflows.argoproj.io/service-account-token.name';
const peopleMark = 'knot/people';
const renewMark = 'knot/renew-at';
/** The account is not made yet. */
const soonMs = 5_000;

/**
 * Keeps in each namespace what an Argo server that signs people in acts with there (`auth: sso`): a token of an hour, renewed at half of it, in
 * place of one that never ends, which is what Argo's documentation has its operators make. Members of a team can read it, as they can all
 * Secrets of theirs: so when one has left, it is made anew under the other name, and the one that was there is worth nothing with its Secret.
 * Under the same name Argo would show the old one for a minute more (server/cache/resource_cache.go).
 */
export function createArgoTokens(
  options: Omit<Parameters<typeof keepForOwners>[0], 'look' | 'complaint'> & {
    kube: Pick<Kube, 'get' | 'list' | 'apply' | 'merge' | 'remove'>;
    requestToken: RequestBoundToken;
    wanted: Pick<OwnerFacts, 'find'>;
    kubernetes: Config['kubernetes'];
    clock: Clock;
  },
): ClusterUpkeep {
  const { kube, requestToken, wanted, kubernetes, clock } = options;
  return keepForOwners({
    ...options,
    complaint: 'the token of an account of Argo could not be written',
    async look(owner) {
      const facts = await wanted.find(owner.id);
      if (facts === undefined || facts.isPaused) return;
      const namespace = namespaceOf(kubernetes, owner);
      const account = await accountIn(namespace);
      if (account === undefined) return soonMs;
      const people = createHash('sha256')
        .update(JSON.stringify(argoRule(facts)))
        .digest('hex')
        .slice(0, 32);
      const held = argoSecretNames.find((name) => name === account.metadata.annotations?.[nameOfSecret]);
      const found = held && (await kube.get(kinds.secret, held, namespace));
      const isTheirs = found?.metadata.annotations?.[peopleMark] === people;
      const renewAt = isTheirs ? renewalOf(found) : 0;
      if (renewAt > clock.now()) return renewAt - clock.now();

      const name = isTheirs ? held! : argoSecretNames.find((one) => one !== held)!;
      const other = argoSecretNames.find((one) => one !== name)!;
      const secret = { namespace, name, people };
      // What is left there of an earlier time has an identity of its own, to which another token may be bound.
      if (!isTheirs) await kube.remove(kinds.secret, name, namespace);
      const from = clock.now();
      const { token, lifeMs } = await requestToken(namespace, isTheirs ? found : await kube.apply(secretOf(secret)));
      await kube.apply(secretOf({ ...secret, token, renewAt: from + lifeMs / 2 }));
      if (name !== held)
        await kube.merge(kinds.serviceAccount, argoAccount, namespace, {
          metadata: { annotations: { [nameOfSecret]: name } },
        });
      await kube.remove(kinds.secret, other, namespace);
      return lifeMs / 2;
    },
  });

  async function accountIn(namespace: string): Promise<KubeObject | undefined> {
    const { items } = await kube.list(kinds.serviceAccount, { namespace, labels: 'app.kubernetes.io/managed-by=knot' });
    return items.find(({ metadata }) => metadata.name === argoAccount);
  }
}

/** By our own clock; 0 where it has none, or no token. */
function renewalOf({ metadata, data }: KubeObject): number {
  const at = Date.parse(metadata.annotations?.[renewMark] ?? '');
  return (data as { token?: string } | undefined)?.token && at > 0 ? at : 0;
}

function secretOf(facts: {
  namespace: string;
  name: string;
  people: string;
  token?: string;
  renewAt?: number;
}): KubeObject {
  const { namespace, name, people, token, renewAt } = facts;
  return {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque' },
    metadata: {
      ...{ name, namespace, labels: { 'app.kubernetes.io/managed-by': 'knot' } },
      annotations: {
        [peopleMark]: people,
        ...(renewAt !== undefined && { [renewMark]: new Date(renewAt).toISOString() }),
      },
    },
    ...(token !== undefined && { data: { token: Buffer.from(token).toString('base64') } }),
  };
}
