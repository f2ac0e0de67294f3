import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { knotError } from '../lib/index.ts';
import { systemEnvironment } from './environment.ts';

/** An account of the operating system: numbers that need no entry in /etc/passwd. */
export type Account = { uid: number; gid: number };

/**
 * Where the accounts of owners are recorded, and which numbers there are. The launcher of notebook servers uses the same file
 * (`launch/accounts.py`), so that somebody's notebook and services have one account.
 */
export type AccountBook = { file: string; homes: string; first: number; count: number };

const run = promisify(execFile);
const program = join(import.meta.dirname, 'allot.mjs');
const locks = ['/usr/bin/flock', '/bin/flock'];

/**
 * The account of a person or team, allotted now if there is none yet. Names of both are unique and never given out twice.
 * @throws KNOT_PROCESS_NO_ACCOUNT
 */
export async function accountOf(book: AccountBook, name: string): Promise<Account> {
  const lock = locks.find((path) => existsSync(path));
  if (lock === undefined) throw noAccount('flock (util-linux) is not installed');
  mkdirSync(dirname(book.file), { recursive: true, mode: 0o700 });
  const question = JSON.stringify({ ...book, name });
  try {
    const args = ['--exclusive', `${book.file}.lock`, process.execPath, program, question];
    const { stdout } = await run(lock, args, { timeout: 30_000, env: systemEnvironment() });
    return JSON.parse(stdout) as Account;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    throw noAccount(said || 'the record of accounts cannot be used', error);
  }
}

const noAccount = (reason: string, cause?: unknown) =>
  knotError('KNOT_PROCESS_NO_ACCOUNT', 503, 'There is no account of this machine for the owner.', {
    remedy:
      'An administrator finds the reason in the log; integrations.jupyterhub.accounts in knot.yaml has the numbers.',
    internal: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
