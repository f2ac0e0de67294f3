import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

const launcher = join(import.meta.dirname, '../../gateway/integrations/jupyterhub/launch');
const isRoot = process.getuid?.() === 0;

t.test('numbers of people are kept, and never lead to files of somebody else', { skip: !isRoot && 'not root' }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-accounts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'accounts.json');
  const accountOf = (name: string) => {
    const home = join(folder, 'homes', name);
    mkdirSync(home, { recursive: true });
    const code = `import sys; sys.path.insert(0, ${JSON.stringify(launcher)}); sys.dont_write_bytecode = True
import accounts
own = [${JSON.stringify(home)}]
account = accounts.account_of({"file": ${JSON.stringify(file)}, "first": 40006, "count": 4}, ${JSON.stringify(name)}, own)
accounts.give(own, account)
print(*account)`;
    return execFileSync('python3', ['-c', code], { encoding: 'utf8', stdio: 'pipe' }).trim();
  };
  t.equal(accountOf('ann'), '40007 40006');
  t.equal(accountOf('bob'), '40008 40006');
  t.equal(accountOf('ann'), '40007 40006', 'again');
  rmSync(file);
  t.equal(accountOf('eve'), '40009 40006', 'the record is lost, the files still have owners');
  t.equal(accountOf('bob'), '40008 40006');
  t.equal(accountOf('ann'), '40007 40006');
  t.throws(() => accountOf('joe'), /accounts\.count/, 'and when none is left that is said');
  t.end();
});
