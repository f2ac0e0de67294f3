import { readFileSync } from 'node:fs';
import { knotError } from '../lib/index.ts';
import { caFileIn } from '../tls/index.ts';
import { type Invocation, required } from './command.ts';
import { type Api, openApi } from './elsewhere/api.ts';
import { actor, userOf, withFacts } from './facts.ts';
import { running } from './running.ts';

/**
 * The API of the gateway that runs on this machine, as the person of --as: by a personal token that is made for this one command and
 * ends with it, also when the command is interrupted. What that person may not do is refused as everywhere; the audit record names the
 * token (`cli`) and what was done by it.
 * @throws KNOT_CLI_NOT_RUNNING, KNOT_CLI_NO_SUCH_USER, KNOT_CLI_INTERRUPTED
 */
export function withApiBeside<T>(
  invocation: Invocation,
  scopes: readonly string[],
  work: (api: Api) => Promise<T>,
): Promise<T> {
  const username = required(invocation, 'as');
  return withFacts(invocation, async (facts, config) => {
    const { origin } = running(config);
    if (origin === undefined)
      throw knotError('KNOT_CLI_NOT_RUNNING', 409, 'The gateway is just starting.', { remedy: 'Try again.' });
    const { id: userId } = await userOf(facts, username);
    const name = 'one command on the machine of Knot';
    const { token, secret } = await facts.tokens.create({ userId, name, scopes, days: 1 }, { actor: actor.name });
    const interruption = listenForEnd();
    try {
      const ca = config.tls.cert === undefined ? readFileSync(caFileIn(config.data), 'utf8') : undefined;
      const api = openApi({ origin, ca, who: username, token: async () => secret });
      try {
        return await Promise.race([work(api), interruption.ended]);
      } finally {
        api.close();
      }
    } finally {
      interruption.forget();
      await facts.tokens.revoke(userId, token.id, { actor: actor.name });
    }
  });
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Rejects when somebody wants the command to end. */
function listenForEnd(): { ended: Promise<never>; forget(): void } {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(knotError('KNOT_CLI_INTERRUPTED', 499, 'The command was interrupted.'));
  // Where nobody waits for it any more.
  ended.catch(() => undefined);
  for (const signal of signals) process.on(signal, end);
  return { ended, forget: () => signals.forEach((signal) => process.off(signal, end)) };
}
