import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { knotError } from '../lib/index.ts';

/**
 * The secret in `file`, made once. The file is for the gateway's account only (0600).
 * @throws KNOT_INTEGRATIONS_SECRET_UNUSABLE when it cannot be read or written, or is empty.
 */
export function keepSecret(file: string, make: () => string): string {
  const existing = readSecretFile(file);
  if (existing !== undefined) return existing;
  const secret = make();
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // `wx`: of two processes that come here at once, one writes and the other reads.
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' });
    return secret;
  } catch (error) {
    const written = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readSecretFile(file) : undefined;
    if (written !== undefined) return written;
    throw unusable(file, error);
  }
}

/**
 * The secret in `file`; undefined when none was made yet.
 * @throws KNOT_INTEGRATIONS_SECRET_UNUSABLE
 */
export function readSecretFile(file: string): string | undefined {
  let text;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, error);
  }
  if (text.length < 16) throw unusable(file, undefined);
  return text;
}

function unusable(file: string, cause: unknown) {
  return knotError('KNOT_INTEGRATIONS_SECRET_UNUSABLE', 500, `The secret file ${file} cannot be used.`, {
    remedy: 'Give this account read and write access to it, or delete it: a new one is made at the next start.',
    ...(cause !== undefined && { cause }),
  });
}

/** What is said of a secret that nobody has made yet to who only asks for it. */
export const noSecret = (tool: string) =>
  knotError('KNOT_INTEGRATIONS_NO_SECRET', 409, `The secret that Knot and ${tool} share is not made yet.`, {
    remedy: 'Start Knot once, which makes it, or set `clientSecret` of the tool; then ask again.',
  });
