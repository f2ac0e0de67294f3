import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/**
 * An answer that is sent from a stream lasts as long as its reader wants. So whoever makes one on the main host keeps it among the open
 * streams, in the same file, where a reader can see it: else it would outlive the right to it.
 */

const makes = /\bReadable\.from\(|\bcreateReadStream\(|\bnew PassThrough\(|\.zip\(/;
const follows = /\bfollowAnswer\(|\bfollow\(request,|\bstreams\.open\(/;

/** Where others do, and who: whoever sends what is made here. Nobody, of what is no answer: the empty body of a file that is locked. */
const elsewhere: Record<string, string[]> = {
  'api/audit-file.ts': ['api/resources/audit.ts'],
  'api/files/content.ts': ['api/resources/files.ts', 'api/dav/read-methods.ts', 'guests/routes.ts'],
  'api/dav/lock-methods.ts': [],
  'guests/receive.ts': ['guests/routes.ts'],
};

t.test('whoever answers with a stream lets it be found and cut', async (t) => {
  const gateway = join(import.meta.dirname, '../../gateway');
  const files = ['api', 'guests'].flatMap((folder) =>
    readdirSync(join(gateway, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  const has = (pattern: RegExp) => (file: string) => pattern.test(readFileSync(join(gateway, file), 'utf8'));
  const making = files.filter(has(makes));
  const unfollowed = making.filter((file) => !has(follows)(file));
  t.strictSame(unfollowed.sort(), Object.keys(elsewhere).sort());
  for (const file of Object.values(elsewhere).flat()) t.ok(has(follows)(file), file);
  t.ok(making.length > unfollowed.length + 4, 'the search finds what is there');
});
