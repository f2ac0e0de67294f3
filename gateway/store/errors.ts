import { moved } from './in-place.ts';
import { KnotError, knotError, maskPassword } from '../lib/index.ts';

/** Who reads the error: the operator whose start failed, or somebody whose request met a database that is away. */
type Reader = { url: string } | 'visitor';

/**
 * Turns what a driver throws into an error a person can act on. SQLite reports `errcode` (primary code in the low byte,
 * https://sqlite.org/rescode.html); PostgreSQL a five-character SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html),
 * a socket error code, or, where `pg` itself gave up, no code at all. A visitor learns neither an address nor a path.
 */
export function describeDatabaseError(error: unknown, reader: Reader): KnotError {
  return unavailability(error, reader) ?? failed(error, reader);
}

/**
 * The same for a single statement while the gateway runs: a database that is away, full, locked or overloaded becomes 503 with
 * `Retry-After`; anything else (a constraint, a mistake in a query) stays what it is.
 */
export function whileRunning(error: unknown): unknown {
  return unavailability(error, 'visitor') ?? error;
}

/**
 * What `pg` throws when it could not connect, lost its connection or waited in vain. Often it has neither code nor class
 * (`Connection terminated unexpectedly`), so whoever asked tells it by this class.
 */
export class ConnectionLost extends Error {
  readonly code: string | undefined;

  constructor(cause: Error & { code?: string }) {
    super(cause.message, { cause });
    this.name = 'ConnectionLost';
    this.code = cause.code;
  }
}

/**
 * What a server says, of whatever class, before it has let us in: `database "knot" is not currently accepting connections`. It is
 * about the database, never about a request.
 */
export class ConnectionRefused extends Error {
  readonly code: string | undefined;

  constructor(cause: Error & { code?: string }) {
    super(cause.message, { cause });
    this.name = 'ConnectionRefused';
    this.code = cause.code;
  }
}

/** Whether nothing more can be asked of the connection an error came over: everything that is not an answer of the server. */
export function isConnectionLost(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false;
  const state = sqlState(error);
  // 57P: the server ends the session; 08: connection exception; 25P03, 25P04: a transaction took too long.
  return state === undefined || /^(08|57P|25P0[34])/.test(state);
}

/** Deadlock detected, serialization failure (PostgreSQL appendix A, class 40): nothing happened, and trying again is right. */
export function isLostRace(error: unknown): boolean {
  const state = sqlState(error instanceof KnotError ? error.cause : error);
  return state === '40P01' || state === '40001';
}

function unavailability(error: unknown, reader: Reader): KnotError | undefined {
  if (error instanceof KnotError) return error;
  const where = reader === 'visitor' ? 'The database' : nameOf(reader.url);
  const options = (cure: string, retryAfterSeconds = 5) => ({
    cause: error,
    headers: { 'retry-after': String(retryAfterSeconds) },
    ...(reader === 'visitor' ? { remedy: visitorRemedy, internal: { cure } } : { remedy: cure }),
  });
  const { errcode, code } = (error ?? {}) as { errcode?: number; code?: string };
  const primary = typeof errcode === 'number' ? errcode & 0xff : undefined;
  const state = sqlState(error) ?? '';
  if (errcode === databaseMoved) return moved(error);
  if (primary === 5 || primary === 6) {
    return knotError(
      'KNOT_STORE_LOCKED',
      503,
      `${where} is locked by another program.`,
      options('Close the program that holds it (a backup, a database browser) and try again.'),
    );
  }
  // 25006: a standby, or a server that a failover made read-only.
  if (primary === 8 || primary === 14 || primary === 23 || code === 'EACCES' || code === 'EROFS' || state === '25006') {
    return knotError(
      'KNOT_STORE_READ_ONLY',
      503,
      `${where} cannot be written.`,
      options('Give this account write access to the file and its folder, or choose another folder with --data.'),
    );
  }
  if (primary === 13 || code === 'ENOSPC' || state === '53100') {
    return knotError(
      'KNOT_STORE_FULL',
      503,
      `${where} cannot grow: the disk is full.`,
      options('Free some space; nothing that was acknowledged is lost.', 30),
    );
  }
  if (primary === 11 || primary === 26 || state === 'XX001' || state === 'XX002') {
    return knotError(
      'KNOT_STORE_CORRUPT',
      503,
      `${where} is damaged or not a database.`,
      options(
        'Restore it from a backup, or move it away to start with an empty one. Knot has changed nothing in it.',
        60,
      ),
    );
  }
  if (/^28/.test(state) || state === '3D000' || state === '42501' || isRefusal(error)) {
    return knotError(
      'KNOT_STORE_REFUSED',
      503,
      `${where} refused the connection${state && ` (${state})`}.`,
      options('Check user, password, database name and grants in the database setting.', 30),
    );
  }
  // 57014: a statement took longer than its time; 55P03: a lock did; 40: races lost again and again; 53: no connection or memory left.
  if (/^(57014|55P03|40|53|54001)/.test(state) || primary === 7) {
    return knotError(
      'KNOT_STORE_OVERLOADED',
      503,
      `${where} cannot keep up.`,
      options('Look at what else uses the database: its connections, locks and memory.', 5),
    );
  }
  if (isAway(error, primary, state)) {
    return knotError(
      'KNOT_STORE_UNREACHABLE',
      503,
      `${where} does not answer${reader === 'visitor' || code === undefined ? '' : ` (${code})`}.`,
      options('Start the database, or correct the address in the database setting.'),
    );
  }
  return undefined;
}

/** SQLITE_READONLY_DBMOVED: the file is not the one at its path any more. */
const databaseMoved = 8 | (4 << 8);

const visitorRemedy = 'Try again in a moment. If it stays like this, tell whoever runs this Knot.';

function failed(error: unknown, reader: Reader): KnotError {
  const where = reader === 'visitor' ? 'The database' : nameOf(reader.url);
  return knotError('KNOT_STORE_FAILED', 500, `${where} failed.`, { cause: error });
}

function nameOf(url: string): string {
  return url.startsWith('sqlite:')
    ? `The database file ${url.slice('sqlite:'.length)}`
    : `The database at ${maskPassword(url)}`;
}

/** The five characters of an error that the server sent; undefined for everything that happened on the way to it. */
function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' && code.length === 5 ? code : undefined;
}

/** 08: connection exception; 57P: the server goes down or comes up; 58: its system fails; SQLite's IOERR is 10. */
function isAway(error: unknown, primary: number | undefined, state: string): boolean {
  return primary === 10 || error instanceof ConnectionLost || /^(08|57P|58|25P0[34])/.test(state);
}

/** The server's, or `pg`'s own complaint about a password it was not given, or a server that proves nothing. */
function isRefusal(error: unknown): boolean {
  if (error instanceof ConnectionRefused) return true;
  return error instanceof ConnectionLost && error.message.startsWith('SASL');
}
