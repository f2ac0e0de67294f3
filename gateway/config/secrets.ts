import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { knotError } from '../lib/index.ts';
import type { SecretSource } from './schema.ts';

/**
 * Reads a secret from its file (trailing newline cut) or environment variable. Relative files are looked for beside the
 * configuration file.
 * @throws KNOT_CONFIG_SECRET_MISSING naming the source, never the value
 */
export function readSecret(
  source: SecretSource,
  baseFolder: string,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  if ('fromEnv' in source) {
    const value = environment[source.fromEnv];
    if (!value) throw missing(`the environment variable ${source.fromEnv} is not set`);
    return value;
  }
  const file = resolve(baseFolder, source.fromFile);
  let value: string;
  try {
    value = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw missing(`the file ${file} cannot be read`, error);
  }
  if (!value) throw missing(`the file ${file} is empty`);
  return value;
}

function missing(why: string, cause?: unknown) {
  return knotError('KNOT_CONFIG_SECRET_MISSING', 500, `A secret of the configuration is missing: ${why}.`, {
    cause,
    remedy: 'Set it, or correct fromFile or fromEnv.',
  });
}
