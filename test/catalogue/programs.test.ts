import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { diskFolder, readTemplateAt } from '../../gateway/catalogue/index.ts';
import { isBusy } from '../../gateway/services/busy.ts';
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

t.test('what is served has its type, a folder its list, and what lies outside is not there', async (t) => {
  const outside = folderOf(t);
  writeFileSync(join(outside, 'secret.txt'), 'secret');
  const folder = folderOf(t);
  mkdirSync(join(folder, 'sub'));
  for (const name of [
    'a.html',
    'b.css',
    'c.js',
    'd.json',
    'e.svg',
    'f.png',
    'g.wasm',
    'h.csv',
    'i.PDF',
    'j',
    '.hidden',
  ])
    writeFileSync(join(folder, name), '0123456789');
  writeFileSync(join(folder, '<b>&.txt'), '');
  symlinkSync(join(outside, 'secret.txt'), join(folder, 'link.txt'));
  symlinkSync(outside, join(folder, 'sub/up'));
  const origin = await start(t, 'web/serve.mjs', [`--folder=${folder}`]);
  const types: Record<string, string> = {
    'a.html': 'text/html; charset=utf-8',
    'b.css': 'text/css; charset=utf-8',
    'c.js': 'text/javascript; charset=utf-8',
    'd.json': 'application/json',
    'e.svg': 'image/svg+xml',
    'f.png': 'image/png',
    'g.wasm': 'application/wasm',
    'h.csv': 'text/csv; charset=utf-8',
    'i.PDF': 'application/pdf',
    j: 'application/octet-stream',
  };
  for (const [name, type] of Object.entries(types)) {
    const { headers } = await fetch(`${origin}/${name}`);
    t.strictSame([headers.get('content-type'), headers.get('x-content-type-options')], [type, 'nosniff'], name);
  }
  const part = await fetch(`${origin}/j`, { headers: { range: 'bytes=2-4' } });
  t.strictSame([part.status, await part.text(), part.headers.get('content-range')], [206, '234', 'bytes 2-4/10']);
  const list = await (await fetch(origin)).text();
  t.match(list, /href="\.\/sub\/"[^]*href="\.\/a\.html"/, 'folders stand first');
  t.match(list, '&#60;b&#62;&#38;.txt');
  t.notMatch(list, /<b>|\.hidden/);
  for (const path of ['/link.txt', '/sub/up/', '/sub/up/secret.txt', `/..%2f${basename(outside)}%2fsecret.txt`]) {
    const answer = await fetch(`${origin}${path}`);
    t.strictSame([answer.status, await answer.text()], [404, 'There is nothing here.\n'], path);
  }
});

t.test('a program runs behind a page at a port', async (t) => {
  const folder = folderOf(t);
  const script = `const { existsSync } = require('fs'); const go = () => existsSync('go') ? console.log(process.cwd()) : setTimeout(go, 20); go()`;
  const values = { command: [process.execPath, '-e', script], folder };
  const origin = await start(t, 'script/run.mjs', [], { TEMPLATE_VALUES: JSON.stringify(values) });
  // As the engine asks, so that it is not put to sleep before its end.
  const { process: plan } = await readTemplateAt(diskFolder(join(charts, 'script')), 'script', { kind: 'shipped' });
  const at = { hostname: '127.0.0.1', port: Number(new URL(origin).port) };
  const isAtWork = () => isBusy(plan!.rest!.busy!, { at, processors: async () => 0 });
  t.ok(await isAtWork(), 'it works');
  writeFileSync(join(folder, 'go'), '');
  await eventually('its end', async () => {
    const { state } = (await (await fetch(`${origin}/state`)).json()) as { state: string };
    return state === 'done';
  });
  t.notOk(await isAtWork(), 'and then it does not');
  t.equal(await (await fetch(`${origin}/output`)).text(), `${folder}\n`);
});
