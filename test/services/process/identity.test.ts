import { closeSync, openSync, readFileSync, readdirSync, readSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { identityFiles } from '../../../gateway/services/process/identity.ts';

t.test('who a service is stays readable for those that run while another one is started', async (t) => {
  const folder = t.testdir();
  const before = process.umask(0o077);
  t.teardown(() => process.umask(before));
  const make = () => identityFiles(folder, { name: 'ann', account: { uid: 2000, gid: 2000 } });
  const [passwd, group] = make();
  t.match(readFileSync(passwd!.source, 'utf8'), /^ann:x:2000:2000:ann:\/home\/service:\/bin\/bash$/m);
  t.match(readFileSync(group!.source, 'utf8'), /^ann:x:2000:$/m);
  t.equal(statSync(passwd!.source).mode & 0o777, 0o644);
  const { ino, mtimeMs } = statSync(passwd!.source);
  make();
  t.match(statSync(passwd!.source), { ino, mtimeMs }, 'the same is not written again');

  // As a service sees it that runs: its mount is of the file, whatever becomes of the name.
  writeFileSync(passwd!.source, 'of an earlier version\n');
  const seen = openSync(passwd!.source, 'r');
  t.teardown(() => closeSync(seen));
  make();
  const bytes = Buffer.alloc(100);
  t.equal(bytes.toString('utf8', 0, readSync(seen, bytes)), 'of an earlier version\n', 'it is whole all the time');
  t.match(readFileSync(passwd!.source, 'utf8'), 'ann:x:2000');
  t.strictSame(readdirSync(dirname(passwd!.source)).sort(), ['group', 'passwd']);
  t.ok(passwd!.source.startsWith(join(folder, '2000-ann')));
});
