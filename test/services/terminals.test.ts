import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createTerminals, type TerminalViewer } from '../../gateway/services/terminals.ts';
import type { Engine } from '../../gateway/services/index.ts';
import type { Service } from '../../gateway/services/service.ts';
import { eventually } from '../support/eventually.ts';
import { gather } from './gather.ts';
import { openProcessEngine, skipWithoutSandbox } from './process-house.ts';

const size = { columns: 100, rows: 30 };
const program = 'require("http").createServer((q, r) => r.end("x")).listen(process.env.LISTEN)';
const whose = { userId: 'u1', sessionId: 's1' };

async function openService(t: Test) {
  const house = await openProcessEngine(t);
  const one = await house.service(program);
  await house.engine.start(one);
  await eventually('it runs', () => house.engine.observe(one).phase === 'running');
  return { ...house, one };
}

t.test('a shell in the sandbox of a service', { skip: skipWithoutSandbox }, async (t) => {
  const { engine, service, one, left } = await openService(t);
  t.equal(await engine.openShell(await service(program), size), undefined, 'none where nothing runs');
  const shell = (await engine.openShell(one, size))!;
  const { run, comesToSize } = gather(shell);
  await run('stty size; echo "<$TERM $HOME $KNOT_SERVICE>"', /\r30 100\r\n<xterm-256color \/home\/service one>/);
  shell.resize({ columns: 44, rows: 22 });
  await comesToSize('22 44');
  await run(
    'ls /files; echo mine > /files/private/typed.txt; cat /files/private/typed.txt',
    /private[^]*shared[^]*team[^]*\nmine\r/,
  );
  await run(
    'echo "$(id -u)/$(cat /proc/1/comm)/$(ls -d /proc/[0-9]* | wc -l)"',
    process.getuid?.() === 0 ? /\r4[67]\d{3}\/bwrap\/\d\r/ : /\r\d+\/bwrap\/\d\r/,
  );
  await run(
    'echo "caps $(grep CapEff /proc/self/status | cut -f2) $(grep NoNewPrivs /proc/self/status | cut -f2)"',
    /caps 0000000000000000 1/,
  );
  await run(
    'curl -s --max-time 5 --unix-socket /run/knot/http.sock http://localhost/; echo " answered"',
    /\rx answered|not found[^]* answered/,
  );
  await run('echo "be""gun"; sleep 100', /\rbegun/);
  shell.write(Buffer.from('\u0003'));
  await run('echo "inter""rupted"', /\rinterrupted/);

  // The library lets every later child inherit what it opened: nobody else may have this terminal.
  const other = (await engine.openShell(one, size))!;
  const second = gather(other);
  await second.run('echo "open: $(ls -l /proc/*/fd 2>/dev/null | grep -c ptmx)"', /open: 1\r/);
  const neighbour = await service(
    `require('http').createServer((q, r) => r.end(require('fs').readdirSync('/proc/self/fd').map((n) => { try { return require('fs').readlinkSync('/proc/self/fd/' + n) } catch { return '' } }).join())).listen(process.env.LISTEN)`,
  );
  await engine.start(neighbour);
  await eventually('it runs', () => engine.observe(neighbour).phase === 'running');
  shell.write(Buffer.from('exit 7\n'));
  t.equal(await shell.ended, 7);
  shell.resize(size);
  shell.write(Buffer.from('nobody hears it\n'));

  await engine.stop(one);
  t.equal(await other.ended, undefined, 'ended with the service');
  t.strictSame(left(one), []);
  t.ok(existsSync(engine.upstreamOf(neighbour)!.socket!));
  await engine.stop(neighbour);
});

type Shown = TerminalViewer & { text(): string; why: string[] };
function page(): Shown {
  let text = '';
  const why: string[] = [];
  return {
    show: (bytes) => void (text += bytes.toString()),
    drained: () => undefined,
    over: (reason, code) => void why.push(code === undefined ? reason : `${reason} ${code}`),
    text: () => text,
    why,
  };
}

/** Shells that are not there: what they show is said by the test. */
function scene() {
  const shells: { show(text: string): void; typed: string[]; paused: boolean; end(code?: number): void }[] = [];
  const engine: Pick<Engine, 'openShell'> = {
    openShell: async () => {
      const { promise: ended, resolve } = Promise.withResolvers<number | undefined>();
      let hear: (bytes: Buffer) => void = () => undefined;
      const one = {
        typed: [] as string[],
        paused: false,
        show: (text: string) => hear(Buffer.from(text)),
        end: (code?: number) => resolve(code),
      };
      shells.push(one);
      return {
        write: (bytes) => one.typed.push(bytes.toString()) > 0,
        onDrain: () => undefined,
        onData: (listener) => (hear = listener),
        pause: () => (one.paused = true),
        resume: () => (one.paused = false),
        resize: ({ columns, rows }) => void one.typed.push(`size ${columns}x${rows}`),
        ended,
        end: async () => resolve(undefined),
      };
    },
  };
  const used: string[] = [];
  return { terminals: createTerminals(engine, (id) => used.push(id)), shells, used };
}
const service = { id: 'one', name: 'one' } as Service;

t.test('a page that lost its line comes back to the same shell, and misses nothing', async (t) => {
  const { terminals, shells, used } = scene();
  const first = page();
  const opened = await terminals.open(service, whose, size, first);
  const shell = shells[0]!;
  shell.show('hello ');
  t.equal(first.text(), '', 'nothing before it is told which terminal that is');
  opened.begin();
  t.equal(first.text(), 'hello ');
  opened.seen(3);
  opened.leave();
  shell.show('world');
  t.equal(first.text(), 'hello ', 'nobody is shown it');
  const again = page();
  const back = await terminals.open(service, whose, { ...size, id: opened.id, seen: 3 }, again);
  t.equal(back.at, 3);
  back.begin();
  back.begin();
  await eventually('the rest is shown', () => again.text() === 'lo world');
  t.equal(shells.length, 1);
  back.type(Buffer.from('ls'));
  opened.type(Buffer.from('by the page that is gone'));
  t.strictSame(shell.typed, ['size 100x30', 'ls']);
  t.strictSame(used, ['one'], 'whoever types uses the service');

  const elsewhere = page();
  const third = await terminals.open(service, whose, { ...size, id: opened.id }, elsewhere);
  t.strictSame(again.why, ['elsewhere']);
  third.begin();
  t.equal(third.at, 0, 'one that has nothing gets what is still there');
  await eventually('all of it', () => elsewhere.text() === 'hello world');
  for (const stranger of [
    { userId: 'u2', sessionId: 's1' },
    { userId: 'u1', sessionId: 's2' },
  ]) {
    const fresh = await terminals.open(service, stranger, { ...size, id: opened.id }, page());
    t.not(fresh.id, opened.id, 'a shell of its own');
  }
  t.not((await terminals.open({ ...service, id: 'two' }, whose, { ...size, id: opened.id }, page())).id, opened.id);
  shell.end(3);
  await eventually('its end is told', () => elsewhere.why.length > 0);
  t.strictSame(elsewhere.why, ['ended 3']);
  terminals.close();
});

t.test('a shell waits for a page that does not keep up', async (t) => {
  const { terminals, shells } = scene();
  const opened = await terminals.open(service, whose, size, page());
  const shell = shells[0]!;
  for (let count = 0; count < 9; count += 1) shell.show('x'.repeat(64 * 1024));
  t.ok(shell.paused);
  opened.seen(9 * 64 * 1024);
  t.notOk(shell.paused);
  opened.leave();
  for (let count = 0; count < 9; count += 1) shell.show('y'.repeat(64 * 1024));
  t.ok(shell.paused, 'nor is anything gathered for one that is gone');
  const again = page();
  (await terminals.open(service, whose, { ...size, id: opened.id, seen: 9 * 64 * 1024 }, again)).begin();
  await eventually('nothing is missing', () => again.text().length === 9 * 64 * 1024);
  terminals.close();
});

t.test('those that are being opened count for their own service and person, and for no other', async (t) => {
  const { terminals } = scene();
  const open = (serviceId: string, userId: string) =>
    terminals.open({ ...service, id: serviceId }, { userId, sessionId: 's' }, size, page());
  const elsewhere = ['u1', 'u2', 'u3', 'u4'].map((userId) => open('one', userId));
  await t.resolves(open('two', 'u5'));
  await Promise.all(elsewhere);
  const atOnce = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => open(`s${n}`, 'u9')));
  const refused = atOnce.filter(({ status }) => status === 'rejected');
  t.match(refused, [{ reason: { code: 'KNOT_SERVICES_TOO_MANY_TERMINALS' } }]);
  t.equal(refused.length, 1);
  terminals.close();
});

t.test('terminals are bounded, for a service and for a person', async (t) => {
  const { terminals } = scene();
  const wanted = [1, 2, 3, 4, 5].map((n) => terminals.open(service, { userId: `u${n}`, sessionId: 's' }, size, page()));
  t.equal((await Promise.allSettled(wanted)).filter(({ status }) => status === 'rejected').length, 1);
  for (let n = 0; n < 8; n += 1)
    await terminals.open({ ...service, id: `s${n}` }, { userId: 'u9', sessionId: 's' }, size, page());
  await t.rejects(terminals.open({ ...service, id: 'more' }, { userId: 'u9', sessionId: 's' }, size, page()), {
    code: 'KNOT_SERVICES_TOO_MANY_TERMINALS',
  });
  terminals.close();
});
