import type { Log } from '../../lib/index.ts';

/** Warns of what would be said with each request: once by key, until so much else was said that it is forgotten. */
export type WarnOnce = (key: string, facts: object, message: string) => void;

const mostKeys = 10_000;

export function createWarnOnce(log: Log): WarnOnce {
  const said = new Set<string>();
  return (key, facts, message) => {
    if (said.has(key)) return;
    if (said.size >= mostKeys) said.clear();
    said.add(key);
    log.warn(facts, message);
  };
}
