import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

const program = join(import.meta.dirname, '../../../charts/templates/script/run.mjs');

t.test(
  'what the script template runs is told of the end, has time for it, and is heard to its last word',
  async (t) => {
    // The path of a socket is short (unix(7)).
    const folder = mkdtempSync(join(tmpdir(), 'knot-script-'));
    const says = (text: string) => `console.log(${JSON.stringify(text)})`;
    const script = `process.on('SIGTERM', () => setTimeout(() => { ${says('in order')}; process.exit(); }, 200)); setInterval(() => {}, 1000); ${says('begun')}`;
    const values = { command: [process.execPath, '-e', script], folder };
    const running = spawn(process.execPath, [program, `--socket=${join(folder, 's')}`], {
      env: { PATH: '/usr/bin:/bin', TEMPLATE_VALUES: JSON.stringify(values) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => {
      running.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
    let said = '';
    for await (const chunk of running.stdout) {
      const before = said;
      said += String(chunk);
      if (said.includes('begun') && !before.includes('begun')) running.kill('SIGTERM');
    }
    t.match(said, /begun\nin order\nEnded with exit code 0\./);
    const [code] = running.exitCode === null ? ((await once(running, 'exit')) as [number]) : [running.exitCode];
    t.equal(code, 0);
  },
);
