import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { knotError } from '../../lib/index.ts';

/** What `knot login` keeps for one Knot. The access token lives for an hour; the other one makes the next. */
export type Credential = {
  accessToken: string;
  refreshToken: string;
  /** Milliseconds. */
  expiresAt: number;
  /** Who signed in, for others to check; lives for minutes. Absent from what was kept by an earlier release. */
  idToken?: string;
  username: string;
  /** PEM of the authority that signed the certificate there, where the system does not know it. */
  ca?: string;
};

type Kept = { current?: string; at: Record<string, Credential> };

/** `$XDG_CONFIG_HOME/knot` (XDG Base Directory Specification), for nobody but its owner. */
export function credentialFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CONFIG_HOME'];
  return join(base !== undefined && base.startsWith('/') ? base : join(homedir(), '.config'), 'knot');
}

const file = 'credentials.json';

function read(): Kept {
  try {
    const kept = JSON.parse(readFileSync(join(credentialFolder(), file), 'utf8')) as Kept;
    return typeof kept.at === 'object' && kept.at !== null ? kept : { at: {} };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { at: {} };
    throw knotError('KNOT_CLI_CREDENTIALS', 500, `${join(credentialFolder(), file)} cannot be read.`, {
      cause: error,
      remedy: 'Remove it and sign in again with `knot login`.',
    });
  }
}

/** Whole or not at all, and never readable for others, not even for a moment. */
function write(kept: Kept): void {
  const folder = credentialFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const beside = join(folder, `.${file}.${process.pid}`);
  try {
    writeFileSync(beside, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(beside, 0o600);
    renameSync(beside, join(folder, file));
  } finally {
    rmSync(beside, { force: true });
  }
}

export function keepCredential(origin: string, credential: Credential): void {
  const kept = read();
  write({ current: origin, at: { ...kept.at, [origin]: credential } });
}

export function forgetCredential(origin: string): void {
  const { current, at } = read();
  const { [origin]: _gone, ...rest } = at;
  const next = current === origin ? Object.keys(rest).at(-1) : current;
  write({ at: rest, ...(next === undefined ? {} : { current: next }) });
}

/**
 * Of an address, or of the Knot that was signed in to last.
 * @throws KNOT_CLI_SIGNED_OUT when there is none
 */
export function findCredential(origin?: string): { origin: string; credential: Credential } {
  const { current, at } = read();
  const wanted = origin ?? current;
  const credential = wanted !== undefined && Object.hasOwn(at, wanted) ? at[wanted] : undefined;
  if (wanted !== undefined && credential !== undefined) return { origin: wanted, credential };
  throw knotError('KNOT_CLI_SIGNED_OUT', 401, `You are not signed in${wanted === undefined ? '' : ` at ${wanted}`}.`, {
    remedy: `Run \`knot login ${wanted ?? 'https://DOMAIN'}\`. On the gateway's own machine, a command that takes --as USER works without.`,
  });
}
