import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { knotError } from '../lib/index.ts';
import type { TSchema } from 'typebox';
import { secretMark, type SecretSource } from './schema/section.ts';

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

/** Every secret that a checked configuration refers to, with its path: whatever the schema calls a `SecretReference`. */
export function secretsIn(schema: TSchema, value: unknown, path = ''): { path: string; secret: SecretSource }[] {
  if (value === undefined) return [];
  if ((schema as Node)[secretMark]) return [{ path, secret: value as SecretSource }];
  const { properties = {}, items } = schema as Node;
  if (items) {
    return (value as unknown[]).flatMap((item, index) => secretsIn(items, item, `${path}[${index}]`));
  }
  return Object.entries(properties).flatMap(([key, child]) =>
    secretsIn(child, (value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`),
  );
}

type Node = TSchema & { [secretMark]?: true; properties?: Record<string, TSchema>; items?: TSchema };
