// Not through app.ts, which would load every server before a command prints its first line.
import { type Facts, openFacts } from '../app/index.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { silentLog, systemClock } from '../lib/index.ts';
import type { Actor } from '../accounts/index.ts';
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
