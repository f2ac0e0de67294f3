import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { first, hasGroups, openProcessEngine, skipWithoutSandbox } from './process-house.ts';

/** What somebody's code inside a service reaches: its own files and socket, and nothing else of the machine. */
t.setTimeout(120_000);

const isRoot = process.getuid?.() === 0;
/** Where everything else is shown to services, so that it is seen that this is not. */
const visible = isRoot ? '/usr/local/share' : undefined;

/** Tries each thing an attacker would, and answers what came of it. */
function probes(paths: { data: string; port: number; other: string; neighbour: number; limits: string[] }): string {
  return `
const fs = require('fs'), net = require('net'), http = require('http'), { execFileSync } = require('child_process');
const attempt = (act) => { try { return act(); } catch (error) { return error.code ?? String(error); } };
const reach = (target) => new Promise((resolve) => {
  const socket = net.connect(target).on('connect', () => { socket.destroy(); resolve('connected'); }).on('error', (error) => resolve(error.code));
});
const paths = ${JSON.stringify(paths)};
async function look() {
  return {
    data: attempt(() => fs.readdirSync(paths.data)),
    configuration: attempt(() => fs.readFileSync(paths.data + '/secret.txt', 'utf8')),
    shadow: attempt(() => fs.readFileSync('/etc/shadow', 'utf8')),
    home: attempt(() => fs.readdirSync('/root')),
    system: attempt(() => fs.writeFileSync('/usr/bin/knot-was-here', 'x')),
    template: attempt(() => fs.writeFileSync('/opt/template/a.txt', 'x')),
    group: ['pids', 'memory', 'unified', ''].map((name) => attempt(() => fs.writeFileSync('/sys/fs/cgroup/' + name + '/cgroup.procs', String(process.pid)))),
    limitsOfGroup: paths.limits.map((path) => attempt(() => fs.writeFileSync(path, 'max'))),
    processes: fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length,
    neighbour: attempt(() => process.kill(paths.neighbour, 0)),
    loopback: await reach({ host: '127.0.0.1', port: paths.port }),
    loopback6: await reach({ host: '::1', port: paths.port }),
    abstract: await reach({ path: '\\0knot-test-' + paths.port }),
    other: await reach({ path: paths.other }),
    interfaces: Object.keys(require('os').networkInterfaces()),
    uid: process.getuid(), groups: process.getgroups(),
    again: attempt(() => { process.setuid(0); return 'root'; }),
    environment: Object.keys(process.env).sort(),
    files: fs.readdirSync('/files').sort(),
    offers: attempt(() => fs.readdirSync('/run/services')),
    accounts: fs.readFileSync('/etc/passwd', 'utf8'),
    written: attempt(() => { fs.writeFileSync('/files/private/mine.txt', 'mine'); fs.writeFileSync('/files/team/physics/ours.txt', 'ours'); return 'ok'; }),
    limits: fs.readFileSync('/proc/self/limits', 'utf8'), lastToEnd: fs.readFileSync('/proc/self/oom_score_adj', 'utf8').trim(),
    capabilities: /CapEff:\\t(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1],
    privileges: /NoNewPrivs:\\t(\\d)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1],
  };
}
http.createServer(async (q, r) => {
  if (q.url !== '/strike') return r.end(JSON.stringify(await look()));
  // Everything that it can reach by a signal, but itself.
  r.end(attempt(() => String(process.kill(-1, 'SIGKILL'))));
}).listen(process.env.LISTEN);
`;
}

/** Files with how many processes services may have, of an engine that started one; none where no control groups may be made. */
function limitsIn(folder: string): string[] {
  const groups = join(folder, 'process/groups.json');
  const folders = existsSync(groups) ? (JSON.parse(readFileSync(groups, 'utf8')) as string[]) : [];
  return folders
    .flatMap((group) => readdirSync(group).map((name) => join(group, name, 'pids.max')))
    .filter((path) => existsSync(path));
}

t.test('a service sees its own and nothing else', { skip: skipWithoutSandbox }, async (t) => {
  const { engine, folder, service, ask } = await openProcessEngine(t, { below: visible });
  writeFileSync(join(folder, 'secret.txt'), 'the keys of the house');
  mkdirSync(join(folder, 'files/other'), { recursive: true });
  const server = createServer((_request, response) => response.end('the operations listener'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  t.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), 'the operations listener', 'it is there for others');

  const neighbour = await service('require("http").createServer((q, r) => r.end("n")).listen(process.env.LISTEN)');
  await engine.start(neighbour);
  const other = engine.upstreamOf(neighbour)!.socket!;
  const limits = limitsIn(folder);
  t.equal(limits.length, hasGroups ? 1 : 0, 'the neighbour is limited');
  const one = await service(probes({ data: folder, port, other, neighbour: process.pid, limits }));
  await engine.start(one);
  for (const each of [neighbour, one])
    await eventually('it runs', async () => engine.observe(each).phase === 'running', 30_000);
  t.equal(await ask(neighbour), 'n');

  const found = JSON.parse((await ask(one))!) as Record<string, unknown>;
  t.match(found['data'], Array.isArray(found['data']) ? [] : 'ENOENT', 'the data folder is not there, or empty');
  t.strictSame(Array.isArray(found['data']) ? found['data'] : [], []);
  t.equal(found['configuration'], 'ENOENT');
  t.match(found['shadow'], /^(ENOENT|EACCES)$/);
  t.match(found['home'], /^(ENOENT|EACCES)$/);
  for (const written of found['group'] as string[])
    t.match(written, /^(EROFS|EACCES|ENOENT|EPERM)$/, 'it stays in its control group');
  for (const written of found['limitsOfGroup'] as string[])
    t.match(written, /^(EROFS|EACCES|ENOENT|EPERM)$/, 'nobody changes its limits');
  t.match(found['system'], /^(EROFS|EACCES)$/);
  t.match(found['template'], /^(EROFS|EACCES)$/);
  t.ok((found['processes'] as number) <= 3, 'processes of its own sandbox');
  t.match(found['neighbour'], /^(ESRCH|EPERM)$/);
  for (const way of ['loopback', 'loopback6', 'abstract', 'other'])
    t.match(found[way], /^E(CONNREFUSED|NOENT|ADDRNOTAVAIL|NETUNREACH)$/, way);
  t.strictSame(
    (found['interfaces'] as string[]).filter((name) => name !== 'lo'),
    [],
  );
  t.match(found['again'], /EPERM|EINVAL/);
  t.equal(found['capabilities'], '0000000000000000');
  t.equal(found['privileges'], '1');
  t.match(found['limits'], /Max processes +\d{1,4} /);
  t.match(found['limits'], /Max core file size +0 /);
  t.ok(Number(found['lastToEnd']) >= 500, 'ended before the gateway where memory is short');
  t.equal(found['offers'], 'ENOENT', 'nothing of what other services offer');
  t.match(found['accounts'], /^ann:x:\d+:\d+:ann:\/home\/service:/m);
  t.ok((found['accounts'] as string).trim().split('\n').length <= 3, 'no accounts of the machine');
  t.strictSame(found['files'], ['private', 'shared', 'team']);
  t.equal(found['written'], 'ok');
  t.equal(readFileSync(join(folder, 'files/private/mine.txt'), 'utf8'), 'mine');
  for (const name of found['environment'] as string[])
    t.match(
      name,
      /^(HOME|PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|PWD|SHELL|USER|LOGNAME|LISTEN|KNOT_\w+|SSL_\w+|NODE_EXTRA_CA_CERTS)$/,
      name,
    );
  t.notOk((found['environment'] as string[]).includes('KNOT_ENTER'));

  await ask(one, '/strike');
  t.equal(await ask(neighbour), 'n', 'no signal reaches another service of the same owner');
  t.same(engine.observe(neighbour), { phase: 'running', revision: 1 });

  if (isRoot) {
    t.ok((found['uid'] as number) > first, 'an account of its owner');
    t.equal(statSync(join(folder, 'files/private/mine.txt')).uid, found['uid']);
    t.equal(statSync(join(folder, 'files/team/ours.txt')).gid, first, 'the team reads it');
    t.equal(statSync(join(folder, 'files/team/ours.txt')).mode & 0o060, 0o060);
    t.equal(statSync(join(folder, 'files/private')).mode & 0o777, 0o700);
  }
});
