import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Sandbox } from '../../gateway/process/index.ts';
import { eventually } from '../support/eventually.ts';
import { checkProbes, cleanUp, type Found, layOut, probesOf } from '../support/process/isolation-probes.ts';
import { first, hasGroups, openProcessEngine, skipWithoutSandbox } from './process-house.ts';

/** What somebody's code inside a service reaches: its own files and socket, and nothing else of the machine. */

const isRoot = process.getuid?.() === 0;
/** Where everything else is shown to services, so that it is seen that this is not. */
const visible = isRoot ? '/usr/local/share' : undefined;
const secrets = ['files/other/mine.txt', 'services/home/other/mine.txt'];

/** Answers what the probes found, what else it has (`/own`), and strikes (`/strike`). */
const striker = (probes: string) => `
const fs = require('fs'), { execFileSync } = require('child_process');
const attempt = (act) => { try { return act() ?? 'done'; } catch (error) { return error.code ?? String(error); } };
const own = () => ({
  template: attempt(() => fs.writeFileSync(process.env.TEMPLATE + '/a.txt', 'x')),
  uid: process.getuid(),
  environment: Object.keys(process.env).sort(),
  files: attempt(() => fs.readdirSync('/files').sort()),
  offers: attempt(() => fs.readdirSync('/run/services')),
  accounts: fs.readFileSync('/etc/passwd', 'utf8'),
  written: attempt(() => { fs.writeFileSync('/files/private/mine.txt', 'mine'); fs.writeFileSync('/files/team/physics/ours.txt', 'ours'); }),
  limits: fs.readFileSync('/proc/self/limits', 'utf8'), lastToEnd: fs.readFileSync('/proc/self/oom_score_adj', 'utf8').trim(),
});
require('http').createServer((q, r) => {
  if (q.url === '/own') return r.end(JSON.stringify(own()));
  // Everything that it can reach by a signal, but itself.
  if (q.url === '/strike') return r.end(attempt(() => String(process.kill(-1, 'SIGKILL'))));
  if (q.url !== '/probes') return r.end('here');
  r.end(execFileSync('/usr/bin/python3', ['-c', ${JSON.stringify(probes)}]));
}).listen(process.env.LISTEN);
`;
const plan = { environment: { LISTEN: '{socket}', TEMPLATE: '{template}' } };

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
  const neighbour = await service('require("http").createServer((q, r) => r.end("n")).listen(process.env.LISTEN)');
  await engine.start(neighbour);
  const limits = limitsIn(folder);
  t.equal(limits.length, hasGroups ? 1 : 0, 'the neighbour is limited');
  await eventually('it runs', () => engine.observe(neighbour).phase === 'running');
  const sockets = [engine.upstreamOf(neighbour)!.socket!];
  const aims = await layOut(t, { data: folder, files: secrets, sockets, limits });
  const one = await service(striker(probesOf(aims)), { plan });
  await engine.start(one);
  await eventually('it runs', () => engine.observe(one).phase === 'running');
  t.equal(await ask(neighbour), 'n');

  checkProbes(t, JSON.parse((await ask(one, '/probes'))!) as Found, 'inside');

  const found = JSON.parse((await ask(one, '/own'))!) as Found;
  t.match(found['template'], /^(EROFS|EACCES)$/);
  t.match(found['limits'], /Max processes +\d{1,4} /);
  t.match(found['limits'], /Max core file size +0 /);
  t.ok(Number(found['lastToEnd']) >= 500, 'ended before the gateway where memory is short');
  t.equal(found['offers'], 'ENOENT', 'nothing of what other services offer');
  t.match(found['accounts'], /^ann:x:\d+:\d+:ann:\/home\/service:/m);
  t.strictSame(found['files'], ['private', 'shared', 'team']);
  t.equal(found['written'], 'done');
  t.equal(readFileSync(join(folder, 'files/private/mine.txt'), 'utf8'), 'mine');
  for (const name of found['environment'] as string[])
    t.match(
      name,
      /^(HOME|PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|PWD|SHELL|USER|LOGNAME|LISTEN|TEMPLATE|KNOT_\w+|SSL_\w+|NODE_EXTRA_CA_CERTS)$/,
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

t.test(
  'each of these attempts is one: where nothing keeps programs apart it is let in',
  { skip: isRoot ? false : 'needs root, as which everything of the machine is open' },
  async (t) => {
    const none: Sandbox = { isAvailable: false, reason: 'there is none', isInstalled: false };
    const options = { below: visible, sandbox: async () => none, isSandboxRequired: false };
    const { engine, folder, service, ask } = await openProcessEngine(t, options);
    const neighbour = await service('require("http").createServer((q, r) => r.end("n")).listen(process.env.LISTEN)');
    await engine.start(neighbour);
    const limits = limitsIn(folder);
    await eventually('it runs', () => engine.observe(neighbour).phase === 'running');
    const sockets = [engine.upstreamOf(neighbour)!.socket!];
    const aims = await layOut(t, { data: folder, files: secrets, sockets, limits });
    t.teardown(() => cleanUp(aims));
    const one = await service(striker(probesOf(aims)), { plan });
    await engine.start(one);
    await eventually('it runs', () => engine.observe(one).phase === 'running');
    checkProbes(t, JSON.parse((await ask(one, '/probes'))!) as Found, 'unprotected');
  },
);
