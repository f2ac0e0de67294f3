import type { AccessEntry, Log } from '../lib/index.ts';

export type AccessLog = (entry: AccessEntry) => void;

/** Writes exactly one line per request. The entry holds no query, cookie or token by type; cutting and escaping is the log's. */
export function createAccessLog({ log }: { log: Log }): AccessLog {
  return (entry) => log.info(entry, 'access');
}
