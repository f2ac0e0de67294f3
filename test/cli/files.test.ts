import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createAudit } from '../../gateway/audit/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { runKnot } from '../support/process/gateway.ts';

t.test('files on the machine: put, list, read, move and delete', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-cli-files-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const knot = (args: string[], input?: string) => runKnot([...args, '--data', join(folder, 'data')], input);
  const local = join(folder, 'report.txt');
  writeFileSync(local, 'report');
  await knot(['user', 'add', 'ann', '--email', 'ann@example.org', '--password-file', '-'], 'correct horse battery 7');
  t.match(await knot(['files', 'put', local, 'private:/', '--as', 'ann']), { status: 0, stderr: '' });
  t.match(await knot(['files', 'put', '-', 'shared:/from stdin'], 'text'), { status: 0 });
  t.match(await knot(['files', 'ls', 'private:/', '--as', 'ann']), { status: 0, stdout: /file +6 .*report\.txt/ });
  t.match(await knot(['files', 'mv', 'private:/report.txt', 'shared:/', '--as', 'ann']), { status: 0 });
  t.match(await knot(['files', 'get', 'shared:/report.txt', '-']), { status: 0, stdout: 'report' });
  const copy = join(folder, 'copy');
  t.match(await knot(['files', 'get', 'shared:/from stdin', copy]), { status: 0 });
  t.equal(readFileSync(copy, 'utf8'), 'text');
  mkdirSync(join(folder, 'results/deep'), { recursive: true });
  writeFileSync(join(folder, 'results/deep/new\nline'), 'deep');
  const results = join(folder, 'results/');
  t.match(await knot(['files', 'put', results, 'private:/a/run7/', '--as', 'ann']), {
    status: 0,
    stdout: /1 file sent/,
  });
  t.match(await knot(['files', 'put', results, 'private:/a/run7/', '--as', 'ann']), { status: 0, stdout: /1 equal/ });
  t.match(await knot(['files', 'get', 'private:/a/run7', join(folder, 'back'), '--as', 'ann']), { status: 0 });
  t.equal(readFileSync(join(folder, 'back/deep/new\nline'), 'utf8'), 'deep');
  const help = await knot(['files', 'put', '--help']);
  t.match(help, { status: 0, stdout: /--replace[^]*KNOT_URL[^]*With --as USER/ });
  t.match(await knot(['files', 'rm', 'shared:/report.txt']), { status: 0 });
  t.match(await knot(['files', 'get', 'shared:/report.txt', '-']), { status: 1, stderr: /nothing of this name/ });
  t.match(await knot(['files', 'ls', 'private:/']), { status: 2, stderr: /--as USER/ });
  t.match(await knot(['files', 'ls', 'team:none:/']), { status: 1, stderr: /no area/ });
  t.match(await knot(['files', 'ls', 'shared']), { status: 2, stderr: /AREA:\/PATH/ });
  t.match(await knot(['files', 'get', 'shared:/../knot.db', '-']), { status: 1 });
  const store = await openStore({ url: `sqlite:${join(folder, 'data/knot.db')}`, clock: systemClock, log: silentLog });
  const acts = await createAudit({ store, clock: systemClock }).list({ actor: 'cli' });
  await store.close();
  t.same(
    acts.map(({ action }) => action).filter((action) => action.startsWith('files.')),
    [
      'files.trashed',
      ...['files.written', 'files.folder-made', 'files.folder-made', 'files.folder-made'],
      'files.moved',
      ...['files.written', 'files.written'],
    ],
  );
});
