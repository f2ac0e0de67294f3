import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type KnotError, knotError } from '../lib/index.ts';

/**
 * Remembers which files are at `paths` now and says later whether they still are: a folder that was deleted, moved or replaced
 * while its files are open goes on to take writes that nobody finds again. Each file must be open for as long as this is asked,
 * so that its inode is not given to another one.
 */
export function rememberInPlace(paths: readonly string[]): () => Promise<void> {
  const known = paths.map((path) => ({ path, is: identityOf(statSync(path)) }));
  return async () => {
    for (const { path, is } of known) {
      const now = await stat(path).then(identityOf, (error: NodeJS.ErrnoException) => error.code ?? '');
      // What cannot be asked at this moment (no file descriptors, say) says nothing.
      if (now !== is && (/^\d+:\d+$/.test(now) || now === 'ENOENT' || now === 'ENOTDIR')) throw moved();
    }
  };
}

function identityOf({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}:${ino}`;
}

/** Also told by SQLite itself when it looks (SQLITE_READONLY_DBMOVED). */
export function moved(cause?: unknown): KnotError {
  return knotError('KNOT_STORE_MOVED', 503, 'What is written now would not last.', {
    remedy: 'Nothing is saved at this moment. Tell whoever runs this Knot.',
    internal: {
      cure: 'The data folder was moved, replaced or deleted while Knot ran: put it back, or start Knot again.',
    },
    headers: { 'retry-after': '30' },
    cause,
  });
}
