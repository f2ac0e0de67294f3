import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { charts } from './rendered.ts';

/** The programs that a chart carries into its container: on one machine they listen on a socket, in a pod on a port. */
async function start(t: Test, program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const child = spawn(process.execPath, [join(charts, program), `--port=${port}`, ...args], {
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const origin = `http://127.0.0.1:${port}`;
  await eventually(program, () => fetch(origin).catch(() => undefined));
  return origin;
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-programs-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

t.test('a folder is served at a port', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'index.html'), 'good day');
  const origin = await start(t, 'web/serve.mjs', [`--folder=${folder}`]);
  t.equal(await (await fetch(origin)).text(), 'good day');
});

t.test('a program runs behind a page at a port', async (t) => {
  const folder = folderOf(t);
  const values = { command: [process.execPath, '-e', 'console.log(process.cwd())'], folder };
  const origin = await start(t, 'script/run.mjs', [], { TEMPLATE_VALUES: JSON.stringify(values) });
  await eventually('its end', async () => {
    const { state } = (await (await fetch(`${origin}/state`)).json()) as { state: string };
    return state === 'done';
  });
  t.equal(await (await fetch(`${origin}/output`)).text(), `${folder}\n`);
});
