import { type Facts, openFacts } from '../../../gateway/app/facts.ts';
import { type Config, loadConfig } from '../../../gateway/config/index.ts';
import { type Clock, createManualClock, type Log, silentLog } from '../../../gateway/lib/index.ts';
import { openStore, type Store } from '../../../gateway/store/index.ts';

/** Sections of the configuration with what a test wants otherwise. */
export type ConfigChanges = {
  [Section in keyof Config]?: Config[Section] extends object ? Partial<Config[Section]> : Config[Section];
};

/** The configuration of a gateway that was told nothing, but for some keys. */
export function configWith(changes: ConfigChanges = {}): Config {
  const { config } = loadConfig({}, {}, import.meta.dirname);
  const merged = Object.entries(changes).map(([section, value]) => {
    const before = config[section as keyof Config];
    const isSection = typeof before === 'object' && before !== null && !Array.isArray(before);
    return [section, isSection ? { ...before, ...(value as object) } : value];
  });
  return { ...config, ...(Object.fromEntries(merged) as Partial<Config>) };
}

export type TestFacts<Given extends Clock> = Facts & { config: Config; clock: Given; log: Log };

/** The facts that commands and the gateway stand on (`app/facts.ts`), in memory unless a store is given, until the test ends. */
export async function openTestFacts<Given extends Clock = ReturnType<typeof createManualClock>>(
  t: { teardown(end: () => unknown): void },
  given: { config?: ConfigChanges; log?: Log; clock?: Given; store?: Store } = {},
): Promise<TestFacts<Given>> {
  const { log = silentLog, clock = createManualClock() as Clock as Given } = given;
  const config = configWith(given.config);
  const store = given.store ?? (await openStore({ url: 'sqlite::memory:', clock, log }));
  const facts = await openFacts(config, { store, clock, log });
  t.teardown(() => facts.close());
  return { ...facts, config, clock, log };
}
