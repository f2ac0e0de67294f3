import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { findSandbox, sandboxArguments } from '../../gateway/process/index.ts';

function folder(t: Tap): string {
  const path = mkdtempSync(join(tmpdir(), 'knot-sandbox-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
type Tap = { teardown(work: () => unknown): unknown };

t.test('without bubblewrap the reason is named', async (t) => {
  t.match(await findSandbox(folder(t)), { isAvailable: false, reason: /not installed|Linux only/ });
});

t.test('a bubblewrap that is installed but does not work is not relied on', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'bwrap'), '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n');
  chmodSync(join(path, 'bwrap'), 0o755);
  t.match(await findSandbox(path), { isAvailable: false, reason: /refused here.*No permissions/ });
});

const sandbox = await findSandbox();

t.test('inside the sandbox', { skip: !sandbox.isAvailable && sandbox.reason }, async (t) => {
  if (!sandbox.isAvailable) return;
  const data = folder(t);
  for (const name of ['homes/ann', 'homes/bob', 'files/users/ann', 'files/users/bob', 'files/shared', 'venv']) {
    mkdirSync(join(data, name), { recursive: true });
    writeFileSync(join(data, name, 'file'), name);
  }
  writeFileSync(join(data, 'secret'), 'secret');
  const [command, ...args] = sandboxArguments({
    command: sandbox.command,
    readOnly: [join(data, 'venv'), join(data, 'absent'), tmpdir()],
    hidden: [data],
    home: { source: join(data, 'homes/ann'), target: '/files/home' },
    mounts: [
      { source: join(data, 'files/users/ann'), target: '/files/private', isWritable: true },
      { source: join(data, 'files/shared'), target: '/files/shared', isWritable: false },
    ],
  });
  const run = async (script: string) => {
    try {
      const { stdout } = await promisify(execFile)(command!, [...args, '/bin/sh', '-c', script], {
        env: { PATH: '/usr/bin:/bin' },
      });
      return stdout.trim();
    } catch (error) {
      return `refused: ${(error as { stderr?: string }).stderr?.trim()}`;
    }
  };

  t.equal(
    await run('cat ~/file /files/private/file /files/shared/file; pwd'),
    'homes/annfiles/users/annfiles/shared/files/home',
  );
  t.equal(await run(`cat ${data}/venv/file`), 'venv');
  t.equal(await run('echo new > ~/new && echo new > /files/private/new && echo written'), 'written');
  t.equal(readFileSync(join(data, 'files/users/ann/new'), 'utf8'), 'new\n');

  for (const path of ['secret', 'homes/bob/file', 'files/users/bob/file', 'homes/ann/file']) {
    t.match(await run(`cat ${data}/${path}`), 'No such file', `${path} is not visible`);
  }
  for (const path of ['/files/shared/new', `${data}/venv/new`, '/usr/new', '/etc/passwd', `${tmpdir()}/new`]) {
    t.match(await run(`echo x >> ${path}`), 'refused', `${path} cannot be written`);
  }
  t.match(await run('cat /etc/shadow'), 'No such file');
  t.match(await run('ls /etc/ssl/private /opt /root /var/lib'), 'No such file');
  t.equal(await run('ls /run /files'), '/files:\nhome\nprivate\nshared\n\n/run:');
  t.equal(
    await run(`grep -c "" /proc/*/cmdline 2>/dev/null | wc -l | awk '{print ($1 < 12)}'`),
    '1',
    'sees its own processes only',
  );
  t.match(await run('grep CapEff /proc/self/status'), /0000000000000000$/);
  t.match(await run(`ls -la /proc/${process.pid}/root/`), 'No such file');
});
