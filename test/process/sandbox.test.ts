import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { type Confinement, findSandbox, sandboxArguments } from '../../gateway/process/index.ts';
import { eventually } from '../support/eventually.ts';
import { shippedSandbox } from '../support/process/shipped-sandbox.ts';

function folder(t: Tap): string {
  const path = mkdtempSync(join(tmpdir(), 'knot-sandbox-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
type Tap = { teardown(work: () => unknown): unknown };

/** A folder with a `bwrap` that says something and fails. */
function broken(t: Tap, said: string): string {
  const path = folder(t);
  writeFileSync(join(path, 'bwrap'), `#!/bin/sh\necho "${said}" >&2\nexit 1\n`);
  chmodSync(join(path, 'bwrap'), 0o755);
  return path;
}

const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const account = { uid: 40_001, gid: 40_000 };

t.test('without bubblewrap the reason is named', async (t) => {
  t.match(await findSandbox({ searchPath: folder(t) }), {
    isAvailable: false,
    isInstalled: false,
    reason: /not installed|Linux only/,
  });
});

t.test('a bubblewrap that is installed but does not work is not relied on', { skip: !isLinux }, async (t) => {
  const searchPath = broken(t, 'bwrap: No permissions to create new namespace');
  const found = await findSandbox({ searchPath, ...(isRoot && { account }) });
  t.match(found, { isAvailable: false, isInstalled: true, said: /No permissions/ });
  t.notMatch((found as { reason: string }).reason, searchPath, 'what everybody sees names no path');
});

t.test('one that does not work does not hide one that does', { skip: !isLinux }, async (t) => {
  const searchPath = broken(t, 'bwrap: Unknown option --perms');
  const shipped = shippedSandbox();
  const alone = await findSandbox({ searchPath: '', further: [shipped] });
  t.match(alone, { isAvailable: true, command: shipped }, 'the one Knot ships works here');
  t.match(await findSandbox({ searchPath, further: ['/nowhere/bwrap', shipped] }), { command: shipped });
});

t.test('root that cannot have other accounts still gets a sandbox, and is told', { skip: !isRoot }, async (t) => {
  // The highest number means "none" to the kernel (setuid(2)), so it stands for one that is not to be had.
  const found = await findSandbox({ account: { uid: 4_294_967_295, gid: 40_000 } });
  t.match(found, { isAvailable: true, confinement: 'namespace', accountProblem: /4294967295/ });
  t.match(await findSandbox({ account }), { isAvailable: true, confinement: 'account' });
});

t.test('where the system forbids namespaces that is found out, not assumed', { skip: !isLinux }, async (t) => {
  // Inside a sandbox that allows no further one, as an account without rights: like a container with a strict profile.
  const outer = shippedSandbox();
  const door = join(import.meta.dirname, '../../gateway/process/find-sandbox.ts');
  const code = `import { findSandbox } from ${JSON.stringify(door)};
console.log(JSON.stringify(await findSandbox({ searchPath: '', further: [${JSON.stringify(outer)}] })));`;
  const file = join(folder(t), 'find.ts');
  writeFileSync(file, code);
  const { stdout } = await promisify(execFile)(outer, [
    ...['--unshare-user', '--disable-userns', '--cap-drop', 'ALL', '--dev-bind', '/', '/', '--'],
    ...[process.execPath, file],
  ]);
  t.match(JSON.parse(stdout), { isAvailable: false, isInstalled: true, said: /namespace|permi|space/i });
});

const commands = new Set<string>();
if (isLinux) {
  const found = await findSandbox();
  if (found.isAvailable) commands.add(found.command);
  commands.add(shippedSandbox());
}
const confinements: Confinement[] = isRoot ? ['namespace', 'account'] : ['namespace'];

for (const command of commands) {
  for (const confinement of confinements) {
    t.test(`inside the sandbox of ${command}, by ${confinement}`, async (t) => {
      const data = folder(t);
      for (const name of ['homes/ann', 'homes/bob', 'files/users/ann', 'files/users/bob', 'files/shared', 'venv']) {
        mkdirSync(join(data, name), { recursive: true });
        writeFileSync(join(data, name, 'file'), name);
        if (confinement === 'account' && name.endsWith('/ann')) chownSync(join(data, name), account.uid, account.gid);
      }
      writeFileSync(join(data, 'secret'), 'secret', { mode: 0o644 });
      mkdirSync(join(data, 'venv/secret'));
      writeFileSync(join(data, 'venv/secret/file'), 'secret');
      const args = sandboxArguments({
        command,
        confinement,
        readOnly: [join(data, 'venv'), join(data, 'absent'), tmpdir()],
        hidden: [data, join(data, 'venv/secret')],
        home: { source: join(data, 'homes/ann'), target: '/files/home' },
        mounts: [
          { source: join(data, 'files/users/ann'), target: '/files/private', isWritable: true },
          { source: join(data, 'files/shared'), target: '/files/shared', isWritable: false },
        ],
        scratch: ['/run/own'],
      }).slice(1);
      const become = ['setpriv', '--reuid', `${account.uid}`, '--regid', `${account.gid}`, '--clear-groups'];
      const program = (script: string) => [
        ...args,
        ...(confinement === 'account' ? become : []),
        ...['/bin/sh', '-c', script],
      ];
      const run = async (script: string) => {
        try {
          const { stdout } = await promisify(execFile)(command, program(script), { env: { PATH: '/usr/bin:/bin' } });
          return stdout.trim();
        } catch (error) {
          return `refused: ${(error as { stderr?: string }).stderr?.trim()}`;
        }
      };

      await t.test('its own files and nothing else', async (t) => {
        t.equal(
          await run('cat ~/file /files/private/file /files/shared/file; echo; echo $HOME'),
          'homes/annfiles/users/annfiles/shared\n/files/home',
        );
        t.equal(await run(`cat ${data}/venv/file`), 'venv');
        t.equal(await run('echo new > ~/new && echo new > /files/private/new && echo written'), 'written');
        t.equal(readFileSync(join(data, 'files/users/ann/new'), 'utf8'), 'new\n');
        for (const path of ['secret', 'venv/secret/file', 'homes/bob/file', 'files/users/bob/file', 'homes/ann/file']) {
          t.match(await run(`cat ${data}/${path}`), 'No such file', `${path} is not visible`);
        }
        for (const path of ['/files/shared/new', `${data}/venv/new`, '/usr/new', '/etc/passwd', `${tmpdir()}/new`]) {
          t.match(await run(`echo x >> ${path} && test -e ${path}.never`), 'refused', `${path} cannot be written`);
        }
        t.match(await run('cat /etc/shadow'), 'No such file');
        t.match(await run('ls /etc/ssl/private /opt /root /var/lib'), 'No such file');
        t.equal(await run('ls /run /files'), '/files:\nhome\nprivate\nshared\n\n/run:\nown');
      });

      await t.test('its own processes only, and none of the gateway’s environment', async (t) => {
        t.equal(
          await run(`grep -c "" /proc/*/cmdline 2>/dev/null | wc -l | awk '{print ($1 < 12)}'`),
          '1',
          'sees its own processes only',
        );
        t.match(await run(`ls -la /proc/${process.pid}/root/`), 'No such file');
        t.match(await run(`cat /proc/${process.pid}/environ`), 'No such file');
      });

      await t.test('memory that processes share is not shared with the machine', async (t) => {
        const id = /\d+/.exec(execFileSync('ipcmk', ['--shmem', '4096', '--mode', '0666'], { encoding: 'utf8' }))![0];
        t.teardown(() => execFileSync('ipcrm', ['--shmem-id', id]));
        t.match(readFileSync('/proc/sysvipc/shm', 'utf8'), new RegExp(`^ *-?\\d+ +${id} `, 'm'), 'it is there');
        t.equal((await run('cat /proc/sysvipc/shm')).split('\n').length, 1, 'and has no line inside');
        const segment = mkdtempSync('/dev/shm/knot-');
        t.teardown(() => rmSync(segment, { recursive: true, force: true }));
        t.match(await run(`ls -d ${segment}`), 'No such file');
        t.equal(await run('stat -c %a /dev/shm'), '1777', 'and there is one of its own, for every account');
        t.equal(await run('python3 -c "import multiprocessing; multiprocessing.Lock(); print(1)"'), '1');
      });

      await t.test('no right is left and none can be had', async (t) => {
        t.match(await run('grep CapEff /proc/self/status'), /0000000000000000$/);
        t.match(await run('grep CapPrm /proc/self/status'), /0000000000000000$/);
        t.match(await run('grep NoNewPrivs /proc/self/status'), /1$/);
        const kinds = ['ipc', 'uts', 'pid', 'mnt', 'cgroup', ...(confinement === 'namespace' ? ['user'] : [])];
        for (const kind of kinds) {
          t.not(
            await run(`readlink /proc/self/ns/${kind}`),
            readlinkSync(`/proc/self/ns/${kind}`),
            `${kind} is its own`,
          );
        }
        if (confinement === 'namespace') t.match(await run('unshare --user true'), 'refused', 'no further namespace');
        else {
          t.equal(await run('id -u; id -G'), `${account.uid}\n${account.gid}`);
          const { uid, gid } = statSync(join(data, 'files/users/ann/new'));
          t.strictSame({ uid, gid }, account, 'and so are its files outside');
          t.match(await run('setpriv --reuid 0 true'), 'refused');
          const first = [...args, 'grep', 'CapPrm', '/proc/self/status'];
          const { stdout } = await promisify(execFile)(command, first, { env: { PATH: '/usr/bin:/bin' } });
          t.match(stdout, /\t00000000000000c0$/m, 'the first program can change its account, and nothing else');
        }
      });

      await t.test('a terminal can be opened, and files made in memory', async (t) => {
        const script =
          'import os; a, b = os.openpty(); os.write(a, b"x\\n"); print(os.read(b, 1), os.path.ismount("/run/own"))';
        t.equal(await run(`python3 -c '${script}'`), "b'x' True");
        t.equal(await run('for d in /var/tmp /run/own; do echo x > $d/file && cat $d/file; done'), 'x\nx');
      });

      await t.test('it ends with whoever started it, however that ends', async (t) => {
        const mark = `4${process.pid}${command.length}${confinement.length}`;
        const starter = spawn(
          process.execPath,
          [
            '-e',
            `require('child_process').spawn(process.argv[1], process.argv.slice(2), {stdio: 'inherit', detached: true}); setInterval(() => {}, 1e6)`,
            '--',
            command,
            ...program(`sleep ${mark} & setsid sleep ${mark} & wait`),
          ],
          { stdio: 'ignore' },
        );
        const sleeping = () =>
          readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid) === `sleep\0${mark}\0`).length;
        await eventually('what it started runs', () => sleeping() === 2);
        starter.kill('SIGKILL');
        await once(starter, 'exit');
        await eventually('nothing of it is left', () => sleeping() === 0);
        t.pass();
      });
    });
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
