import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openMounts } from '../../gateway/integrations/jupyterhub/mounts.ts';
import { silentLog } from '../../gateway/lib/index.ts';

t.test('what a server was started with is known until its next start, also to the next gateway', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-mounts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const mounts = openMounts(folder, silentLog);
  t.same(mounts.of('ann'), []);
  mounts.note('ann', ['physics', 'optics']);
  mounts.note('bob', ['physics']);
  t.same(openMounts(folder, silentLog).of('ann'), ['physics', 'optics']);
  mounts.note('ann', []);
  t.same(openMounts(folder, silentLog).of('ann'), [], 'the next start was without');
  t.same(openMounts(folder, silentLog).of('bob'), ['physics']);
  for (const broken of ['', '[', 'null', '{"bob": "physics"}', '{"bob": [1]}']) {
    writeFileSync(join(folder, 'mounts.json'), broken);
    t.same(openMounts(folder, silentLog).of('bob'), [], JSON.stringify(broken));
  }
  const nowhere = openMounts(join(folder, 'missing'), silentLog);
  nowhere.note('ann', ['physics']);
  t.same(nowhere.of('ann'), ['physics'], 'a disk that takes nothing keeps nobody from a notebook');
});
