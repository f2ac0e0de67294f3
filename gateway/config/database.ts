import { join } from 'node:path';
import type { Config } from './schema/index.ts';
import { readSecret } from './secrets.ts';

/**
 * The address the store opens: SQLite in the data folder unless `database` says otherwise, with the password of
 * `databasePassword` filled in.
 */
export function databaseUrl(config: Pick<Config, 'database' | 'databasePassword' | 'data' | 'baseFolder'>): string {
  if (config.database === undefined) return `sqlite:${join(config.data, 'knot.db')}`;
  if (config.databasePassword === undefined || config.database.startsWith('sqlite:')) return config.database;
  const url = new URL(config.database);
  url.password = encodeURIComponent(readSecret(config.databasePassword, config.baseFolder));
  return url.href;
}
