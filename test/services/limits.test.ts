import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import { openGroups } from '../../gateway/process/index.ts';
import type { ServiceOutbound } from '../../gateway/services/index.ts';
import type { Bounds } from '../../gateway/services/process/limits.ts';
import { eventually } from '../support/eventually.ts';
import { hasGroups, openProcessEngine, skipWithoutSandbox } from './process-house.ts';

/** What somebody's code may take of the machine: each bound with the attempt to cross it, and the same attempt without the bound. */

const MiB = 1024 ** 2;
const skipWithoutGroups =
  skipWithoutSandbox || (hasGroups || process.env.CI === 'true' ? false : 'no control groups may be made here');

const listen = `require('http').createServer((q, r) => r.end('done')).listen(process.env.LISTEN)`;
/** Each is let in at most half way by the bounds of the test, and comes to its end without them. */
const attempts = {
  memory: `const kept = []; for (let at = 0; at < 40; at++) kept.push(Buffer.alloc(16 * 1024 ** 2, 1)); ${listen}`,
  scratch: `const block = Buffer.alloc(5 * 1024 ** 2, 1);
    for (let at = 0; at < 60; at++) require('fs').writeFileSync('/dev/shm/x' + at, block); ${listen}`,
  processes: `const { spawn } = require('child_process'); let count = 0;
    for (let at = 0; at < 100; at++) spawn('/usr/bin/sleep', ['60'], { stdio: 'ignore' }).on('spawn', () => { if (++count === 100) ${listen} });`,
  descriptors: `for (let at = 0; at < 500; at++) require('fs').openSync('/dev/null'); ${listen}`,
  file: `require('fs').writeFileSync(process.env.HOME + '/large', Buffer.alloc(12 * 1024 ** 2)); ${listen}`,
};
const tight: Bounds = { processes: 60, descriptors: 200, disk: 6 * MiB };
const size = { name: 'tiny', title: 'Tiny', cpu: 1, memory: 160 * MiB };
const huge = { name: 'huge', title: 'Huge', cpu: 2, memory: 4096 * MiB };
const loose: Bounds = { processes: 4096, descriptors: 4096, disk: 1024 * MiB };

async function outcome(t: Test, program: string, options: { isBound: boolean; isGrouped?: boolean }) {
  const { isBound, isGrouped = true } = options;
  const { engine, service } = await openProcessEngine(t, { bounds: isBound ? tight : loose, isGrouped });
  const one = await service(program, { size: isBound ? size : huge });
  await engine.start(one);
  await eventually('it runs or is given up', async () => /running|gone/.test(engine.observe(one).phase));
  const seen = engine.observe(one);
  await engine.stop(one);
  return seen.phase === 'gone' ? seen.cause : seen.phase;
}

const codes: Record<keyof typeof attempts, string> = {
  memory: 'no-memory',
  scratch: 'no-memory',
  processes: 'no-processes',
  descriptors: 'no-descriptors',
  file: 'file-too-large',
};
for (const [what, program] of Object.entries(attempts) as [keyof typeof attempts, string][])
  t.test(
    `${what}: more than it may is refused, and the cause is told as it was counted`,
    { skip: skipWithoutGroups },
    async (t) => {
      t.match(await outcome(t, program, { isBound: true }), { code: codes[what] });
      t.equal(await outcome(t, program, { isBound: false }), 'running', 'the attempt is one');
    },
  );

t.test(
  'where no control groups may be made, each process is bound, and the sum of them',
  { skip: skipWithoutSandbox },
  async (t) => {
    for (const what of ['descriptors', 'file'] as const)
      t.match(await outcome(t, attempts[what], { isBound: true, isGrouped: false }), { code: codes[what] }, what);
    t.type(
      await outcome(t, attempts.scratch, { isBound: true, isGrouped: false }),
      'object',
      'folders in memory are small',
    );
    const { engine, service } = await openProcessEngine(t, { bounds: tight, isGrouped: false });
    // Each is below the bound of one process.
    const part = `const kept = Buffer.alloc(70 * 1024 ** 2, 1); setInterval(() => kept[0], 1000)`;
    const many = await service(
      `for (let at = 0; at < 3; at++) require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(part)}], { stdio: 'ignore' }); ${listen}`,
      { size },
    );
    await engine.start(many);
    await eventually('it is given up', async () => {
      await engine.usages();
      return engine.observe(many).phase === 'gone';
    });
    t.match(engine.observe(many), { cause: { code: 'no-memory', what: /Tiny: 160 MiB/ } });
    await engine.stop(many);
  },
);

t.test('who keeps too much in its home is stopped, and told why', { skip: skipWithoutSandbox }, async (t) => {
  const { engine, service } = await openProcessEngine(t, { bounds: tight });
  const one = await service(
    `for (let at = 0; at < 4; at++) require('fs').writeFileSync(process.env.HOME + '/part' + at, Buffer.alloc(2 * 1024 ** 2)); ${listen}`,
  );
  const other = await service(listen);
  for (const each of [one, other]) {
    await engine.start(each);
    await eventually('it runs', async () => engine.observe(each).phase === 'running');
  }
  await eventually('it is given up', async () => {
    await engine.usages();
    return engine.observe(one).phase === 'gone';
  });
  t.match(engine.observe(one), { phase: 'gone', cause: { code: 'home-full' } });
  t.match(engine.observe(other), { phase: 'running' });
  for (const each of [one, other]) await engine.stop(each);
});

t.test('nobody waits while homes are counted', { skip: skipWithoutSandbox }, async (t) => {
  const { promise: counted, resolve } = Promise.withResolvers<number>();
  let looks = 0;
  const { engine, service } = await openProcessEngine(t, { bounds: tight, bytesIn: () => ((looks += 1), counted) });
  const one = await service(listen);
  await engine.start(one);
  await eventually('it runs', async () => engine.observe(one).phase === 'running');
  t.strictSame([...(await engine.usages()).keys()], [one.id]);
  t.strictSame([...(await engine.usages()).keys()], [one.id]);
  await eventually('it is counted', () => looks > 0);
  t.equal(looks, 1, 'by one at a time');
  resolve(tight.disk + 1);
  await eventually('it is given up', () => engine.observe(one).phase === 'gone');
  t.match(engine.observe(one), { cause: { code: 'home-full' } });
});

t.test(
  'who adds to files that take more than they may is stopped, and may come back',
  { skip: skipWithoutSandbox },
  async (t) => {
    let now = Date.now();
    const files = { bytes: 2 * 1024 ** 3, limit: 1024 ** 3 };
    let counts = 0;
    const room = { folder: tmpdir(), of: async () => ((counts += 1), { ...files }) };
    const { engine, service } = await openProcessEngine(t, { room, clock: { now: () => now } });
    const one = await service(listen);
    const runs = async () => {
      await engine.start(one);
      await eventually('it runs', async () => engine.observe(one).phase === 'running');
    };
    const look = async () => {
      const before = counts;
      now += 11 * 60_000;
      await engine.usages();
      await eventually('it is counted', () => counts > before);
      await new Promise((resolve) => setImmediate(resolve));
    };
    await runs();
    await look();
    await look();
    t.match(engine.observe(one), { phase: 'running' }, 'full before it began');
    files.bytes = 1.5 * 1024 ** 3;
    await look();
    files.bytes = 1.75 * 1024 ** 3;
    await look();
    await eventually('it is given up', () => engine.observe(one).phase === 'gone');
    const what = /take more room than they may \(1\.8 GiB of 1 GiB, the trash included\)/;
    t.match(engine.observe(one), { cause: { code: 'files-full', what } });
    await engine.stop(one);
    await engine.usages();
    await runs();
    await look();
    t.match(engine.observe(one), { phase: 'running' }, 'begun again, for example to tidy up');
    await engine.stop(one);
  },
);

t.test('what could not be started leaves no group and no way out', { skip: skipWithoutGroups }, async (t) => {
  const ways = new Set<string>();
  const outbound: ServiceOutbound = {
    isOpenTo: ({ template }) => template.plan.network.hosts.length > 0,
    async open({ socket, service: { id, template } }) {
      if (template.plan.network.hosts.includes('unreachable')) throw new Error('no way out');
      writeFileSync(socket, '');
      ways.add(id);
      return () => void ways.delete(id);
    },
  };
  const { engine, folder, service } = await openProcessEngine(t, { outbound });
  const network = { hosts: ['a.example'] };
  const alone = await service(listen, { plan: { reaches: 'values.services' }, values: { services: ['nobody'] } });
  const shut = await service(listen, { plan: { network: { hosts: ['unreachable'] } } });
  const broken = await service(listen, { plan: { network, command: ['{node}', undefined as never] } });
  const whole = await service(listen, { plan: { network } });
  await engine.start(whole);
  await t.rejects(engine.start(alone), { code: 'KNOT_SERVICES_NO_NEIGHBOUR' });
  await t.rejects(engine.start(shut), { message: 'no way out' });
  await t.rejects(engine.start(broken), TypeError);
  const places = JSON.parse(readFileSync(join(folder, 'process/groups.json'), 'utf8')) as string[];
  for (const place of places) {
    const groups = readdirSync(place, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    t.equal(groups.length, 1, `of the one that runs, in ${place}`);
  }
  t.strictSame([...ways], [whole.id]);
  await engine.stop(whole);
  t.equal(ways.size, 0);
});

t.test('what it uses is counted, and processors are shared out', { skip: skipWithoutGroups }, async (t) => {
  const { engine, service } = await openProcessEngine(t);
  const one = await service(
    `${listen}; setInterval(() => { const end = Date.now() + 20; while (Date.now() < end); }, 1)`,
    {
      size: { ...size, cpu: 0.25 },
    },
  );
  await engine.start(one);
  await eventually('it runs', async () => engine.observe(one).phase === 'running');
  const begun = performance.now();
  const before = (await engine.usages()).get(one.id)!;
  const after = await eventually('it worked for a while', async () => {
    const usage = (await engine.usages()).get(one.id)!;
    return usage.processorMs - before.processorMs > 200 && usage;
  });
  const used = (after.processorMs - before.processorMs) / (performance.now() - begun);
  t.ok(used > 0 && used < 0.45, `a quarter of a processor at most: ${used}`);
  t.ok(after.memory > 10 * MiB && after.memory < 160 * MiB, `${after.memory}`);
  await engine.stop(one);
  t.strictSame(await engine.usages(), new Map());
});

t.test(
  'after kill -9 of the gateway its groups are found and ended, with who hides in them',
  { skip: skipWithoutGroups },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'knot-groups-'));
    t.teardown(async () => {
      const left = await openGroups({ stateFolder: folder, log: silentLog });
      await left?.endEarlier();
      await left?.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const door = join(import.meta.dirname, '../../gateway/process/index.ts');
    const library = join(import.meta.dirname, '../../gateway/lib/index.ts');
    writeFileSync(
      join(folder, 'gateway.ts'),
      `import { spawn } from 'node:child_process';
import { openGroups } from ${JSON.stringify(door)};
import { silentLog } from ${JSON.stringify(library)};
const groups = await openGroups({ stateFolder: process.argv[2], log: silentLog });
const group = await groups.make('one', { cpu: 1, memory: 1e9, processes: 100 });
const child = spawn('/usr/bin/sleep', ['60'], { stdio: 'ignore', detached: true, env: {} });
await group.admit(child.pid);
console.log(child.pid);
setInterval(() => {}, 1000);
`,
    );
    const gateway = spawn(process.execPath, [join(folder, 'gateway.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => gateway.kill('SIGKILL'));
    await once(gateway.stdout, 'data');
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    const places = JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8')) as string[];
    const inGroup = () =>
      readFileSync(join(places[0]!, 'one/cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    // In a session of its own and without the marker by which others are found.
    const hidden = inGroup();
    t.strictSame(hidden.map(isRunning), [true], 'nobody ended it yet');
    const next = (await openGroups({ stateFolder: folder, log: silentLog }))!;
    t.equal(await next.endEarlier(), 1);
    t.strictSame(hidden.filter(isRunning), []);
    t.equal(await next.endEarlier(), 0);
    await next.close();
    t.strictSame(
      places.filter((place) => existsSync(place)),
      [],
      'nothing is left of it',
    );
  },
);

const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

t.test('a tree of cgroup v2 is used where there is one, and only where it may be', async (t) => {
  // Plain files: that the kernel obeys them is its own affair; v1 above is a real one.
  const root = t.testdir({
    'cgroup.controllers': 'cpu io memory pids\n',
    own: { 'cgroup.controllers': 'cpu memory pids\n', 'cgroup.subtree_control': '' },
    poor: { 'cgroup.controllers': 'memory\n', 'cgroup.subtree_control': '' },
    state: {},
  });
  const open = (own: string) => openGroups({ stateFolder: join(root, 'state'), log: silentLog, root, own });
  t.equal(await open('0::/poor\n'), undefined, 'without all three controllers there are none');
  t.equal(await open('0::/gone\n'), undefined);
  const groups = (await open('0::/own\n'))!;
  rmSync(join(root, 'state'), { recursive: true });
  writeFileSync(join(root, 'state'), '');
  await t.rejects(groups.make('none', { cpu: 1, memory: 1e9, processes: 100 }), { code: 'EEXIST' });
  rmSync(join(root, 'state'));
  const group = await groups.make('one', { cpu: 1.5, memory: 1e9, processes: 100 });
  const [place] = readdirSync(join(root, 'own')).filter((name) => name.startsWith('knot-'));
  const at = join(root, 'own', place!, 'one');
  const read = (name: string) => readFileSync(join(at, name), 'utf8');
  t.equal(readFileSync(join(root, 'own/cgroup.subtree_control'), 'utf8'), '+memory +pids +cpu');
  t.strictSame([read('memory.max'), read('pids.max'), read('cpu.max')], ['1000000000', '100', '150000 100000']);
  t.equal(group.usage(), undefined, 'nothing is counted yet');
  writeFileSync(join(at, 'memory.current'), '5000\n');
  writeFileSync(join(at, 'memory.stat'), 'anon 1\ninactive_file 1000\n');
  writeFileSync(join(at, 'cpu.stat'), 'usage_usec 2500\nuser_usec 1\n');
  writeFileSync(join(at, 'memory.events'), 'low 0\nmax 3\noom 2\noom_kill 2\n');
  writeFileSync(join(at, 'pids.events'), 'max 7\n');
  t.strictSame(group.usage(), { processorMs: 2.5, memory: 4000 });
  t.strictSame(group.refusals(), { memory: 2, processes: 7 });
});
