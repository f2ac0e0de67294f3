import { LRUCache } from 'lru-cache';
import type { Clock, Log } from '../../lib/index.ts';

/** A new token of the account that Argo acts as in a namespace, and for how long it is good. */
export type RequestToken = (namespace: string) => Promise<{ token: string; lifeMs: number }>;

/** Tokens of accounts in the cluster, each asked for once and renewed before it is needed. */
export type AccountTokens = {
  /** One that is good for at least `spareMs` from now. Asks the cluster only where none is held that is. */
  of(namespace: string): Promise<string>;
  /** It was refused: the account is another one now, or the cluster has other keys. */
  forget(namespace: string): void;
};

type Held = { token: string; renewAt: number; goodUntil: number };

/** What is told an upstream is used for a minute, and a request may take another. */
const spareMs = 2 * 60_000;

export function createAccountTokens({
  requestToken,
  clock,
  log,
}: {
  requestToken: RequestToken;
  clock: Clock;
  log: Log;
}): AccountTokens {
  const held = new LRUCache<string, Held>({ max: 10_000 });
  const asked = new Map<string, Promise<Held>>();

  /** Many who ask at once are one question. Counted from before the question, and by our own clock: that of the cluster may be another. */
  function ask(namespace: string): Promise<Held> {
    const already = asked.get(namespace);
    if (already) return already;
    const from = clock.now();
    const answer = requestToken(namespace).then(({ token, lifeMs }) => {
      const one = { token, renewAt: from + lifeMs / 2, goodUntil: from + lifeMs - spareMs };
      held.set(namespace, one);
      return one;
    });
    const done = (): void => void asked.delete(namespace);
    answer.then(done, done);
    asked.set(namespace, answer);
    return answer;
  }

  return {
    async of(namespace) {
      const one = held.get(namespace);
      const now = clock.now();
      if (one === undefined || now >= one.goodUntil) return (await ask(namespace)).token;
      if (now >= one.renewAt) {
        ask(namespace).catch((error: unknown) => log.warn({ namespace, err: error }, 'a token could not be renewed'));
      }
      return one.token;
    },
    forget: (namespace) => void held.delete(namespace),
  };
}
