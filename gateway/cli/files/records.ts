import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Which upload a file was begun under. One small file each, so that commands at once do not disturb one another. */
export type UploadRecords = {
  find(key: string): string | undefined;
  keep(key: string, id: string): void;
  forget(key: string): void;
};

/** `$XDG_CACHE_HOME/knot/uploads` (XDG Base Directory Specification), for nobody but its owner. */
export function createUploadRecords(environment: NodeJS.ProcessEnv = process.env): UploadRecords {
  const base = environment['XDG_CACHE_HOME'];
  const folder = join(base !== undefined && base.startsWith('/') ? base : join(homedir(), '.cache'), 'knot', 'uploads');
  return {
    find(key) {
      try {
        const id = readFileSync(join(folder, key), 'utf8').trim();
        return /^[0-9a-f]{32}$/.test(id) ? id : undefined;
      } catch {
        return undefined;
      }
    },
    keep(key, id) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        const beside = join(folder, `.${key}.${process.pid}`);
        writeFileSync(beside, `${id}\n`, { mode: 0o600 });
        renameSync(beside, join(folder, key));
      } catch {
        // A full or read-only disk: the upload completes, only another command cannot go on with it.
      }
    },
    forget(key) {
      try {
        rmSync(join(folder, key), { force: true });
      } catch {
        // As above.
      }
    },
  };
}
