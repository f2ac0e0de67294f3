import type { AccessEntry, Log } from '../lib/index.ts';
import { type LineWriter, writeLine } from './log.ts';

export type AccessLog = (entry: AccessEntry) => void;

const longestText = 1000;
const cut = (text: string) => (text.length <= longestText ? text : `${text.slice(0, longestText)}…`);

/**
 * Writes exactly one line per request. The entry holds no query, cookie or token by type, so over a log of `createLog` it
 * goes past the search for secrets: that search would cost more than the rest of the line, for every request.
 */
export function createAccessLog({ log }: { log: Log | LineWriter }): AccessLog {
  if (!(writeLine in log)) return (entry) => log.info(entry, 'access');
  const write = log[writeLine];
  return (entry) => {
    const { method, host, path, user, reason } = entry;
    const texts = { method: cut(method), host: cut(host), path: cut(path), user: cut(user), reason: cut(reason) };
    write('info', { ...entry, ...texts }, 'access');
  };
}
