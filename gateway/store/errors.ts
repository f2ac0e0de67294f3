import { type KnotError, knotError, maskPassword } from '../lib/index.ts';

/**
 * Turns what a driver throws into an error a person can act on. SQLite reports `errcode` (primary code in the low byte,
 * https://sqlite.org/rescode.html); PostgreSQL a five-character SQLSTATE or a socket error code.
 */
export function describeDatabaseError(error: unknown, url: string): KnotError {
  const where = url.startsWith('sqlite:')
    ? `The database file ${url.slice('sqlite:'.length)}`
    : `The database at ${maskPassword(url)}`;
  const { errcode, code } = (error ?? {}) as { errcode?: number; code?: string };
  const primary = typeof errcode === 'number' ? errcode & 0xff : undefined;
  const options = (remedy: string) => ({ cause: error, remedy });
  if (primary === 5 || primary === 6) {
    return knotError(
      'KNOT_STORE_LOCKED',
      503,
      `${where} is locked by another program.`,
      options('Close the program that holds it (a backup, a database browser) and try again.'),
    );
  }
  if (primary === 8 || primary === 14 || primary === 23 || code === 'EACCES' || code === 'EROFS') {
    return knotError(
      'KNOT_STORE_READ_ONLY',
      503,
      `${where} cannot be written.`,
      options('Give this account write access to the file and its folder, or choose another folder with --data.'),
    );
  }
  if (primary === 13 || code === 'ENOSPC' || code === '53100') {
    return knotError(
      'KNOT_STORE_FULL',
      503,
      `${where} cannot grow: the disk is full.`,
      options('Free some space; nothing that was acknowledged is lost.'),
    );
  }
  if (primary === 11 || primary === 26 || code === 'XX001' || code === 'XX002') {
    return knotError(
      'KNOT_STORE_CORRUPT',
      503,
      `${where} is damaged or not a database.`,
      options('Restore it from a backup, or move it away to start with an empty one. Knot has changed nothing in it.'),
    );
  }
  if (code === '28P01' || code === '28000' || code === '3D000' || code === '42501') {
    return knotError(
      'KNOT_STORE_REFUSED',
      503,
      `${where} refused the connection (${code}).`,
      options('Check user, password, database name and grants in the database setting.'),
    );
  }
  if (typeof code === 'string' && /^(ECONN|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH|EAI_AGAIN|57P)/.test(code)) {
    return knotError(
      'KNOT_STORE_UNREACHABLE',
      503,
      `${where} does not answer (${code}).`,
      options('Start the database, or correct the address in the database setting.'),
    );
  }
  return knotError('KNOT_STORE_FAILED', 500, `${where} failed.`, { cause: error });
}
