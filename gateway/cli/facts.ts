// Not through app.ts, which would load every server before a command prints its first line.
import { type Facts, openFacts } from '../app/index.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { knotError, silentLog, systemClock } from '../lib/index.ts';
import type { Actor, User } from '../accounts/index.ts';
import type { Invocation } from './command.ts';

/** Who the audit record names for what is done here. */
export const actor: Actor = { name: 'cli' };

/** Opens the store and the facts on it for one command, and closes them whatever happens. */
export async function withFacts<T>(
  { settings }: Invocation,
  work: (facts: Facts, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = loadConfig(settings);
  const facts = await openFacts(config, { clock: systemClock, log: silentLog });
  try {
    return await work(facts, config);
  } finally {
    await facts.close();
  }
}

/** @throws KNOT_CLI_NO_SUCH_USER */
export async function userOf({ accounts }: Facts, name: string): Promise<User> {
  const user = await accounts.findUserByName(name);
  if (user) return user;
  throw knotError('KNOT_CLI_NO_SUCH_USER', 404, `There is no user "${name}".`, {
    remedy: '`knot user list` shows all of them.',
  });
}
