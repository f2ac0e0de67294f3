import t, { type Test } from 'tap';
import { kinds, type Kube, takeLease } from '../../gateway/kube/index.ts';
import { silentLog, type Timers } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Asked, FakeApiServer } from '../support/kube/fake.ts';
import { openFake } from '../support/kube/open.ts';

/** Time that the test moves, for one process. */
function manualTime() {
  let time = 0;
  let due: { at: number; call: () => void }[] = [];
  const timers: Timers = {
    after(ms, call) {
      const mine = { at: time + ms, call };
      due.push(mine);
      return () => void (due = due.filter((one) => one !== mine));
    },
  };
  return {
    now: () => time,
    timers,
    waiting: () => due.length,
    advance(ms: number) {
      const end = time + ms;
      for (;;) {
        const next = due.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
        if (next === undefined) break;
        due = due.filter((one) => one !== next);
        time = Math.max(time, next.at);
        next.call();
      }
      time = end;
    },
  };
}

const durationMs = 15_000;

/** A process that takes part, with a time of its own. */
function takePart(t: Test, kube: Kube, name: string, told: string[], end?: () => Promise<void>) {
  const time = manualTime();
  const lease = takeLease(kube, {
    ...{ namespace: 'knot', name: 'writer', durationMs, log: silentLog, now: time.now, timers: time.timers },
    onLead: (signal) => {
      told.push(`${name} leads`);
      signal.addEventListener('abort', () => told.push(`${name} is to stop`));
    },
    async onLose() {
      await end?.();
      told.push(`${name} stopped`);
    },
  });
  t.teardown(() => lease.close());
  /** No request of it is under way: it waits for the next look, and for the end of leading. */
  const settled = () => eventually('it waits', () => time.waiting() === (lease.isLeader() ? 2 : 1));
  /** Lets it do in so much time what it would. */
  const pass = async (ms: number) => {
    for (const end = time.now() + ms; time.now() < end; await settled()) time.advance(Math.min(1000, end - time.now()));
  };
  return { lease, pass, settled, ...time };
}

const isWrite = ({ method }: Asked) => method !== 'GET';
const writes = (fake: FakeApiServer) => fake.requests.filter(isWrite).length;
const leaseIn = async (kube: Kube) =>
  (await kube.get(kinds.lease, 'writer', 'knot'))?.['spec'] as { holderIdentity: string; leaseTransitions: number };

t.test('one of two leads, renews, and leaves it to the other at its end', async (t) => {
  const { fake, kube } = await openFake(t);
  const told: string[] = [];
  const a = takePart(t, kube, 'a', told);
  await eventually('a leads', () => a.lease.isLeader());
  const b = takePart(t, kube, 'b', told);
  await eventually('b knows', () => b.lease.holder() === a.lease.holder());
  const before = writes(fake);
  for (let count = 0; count < 6; count++) {
    await a.pass(3000);
    t.ok(a.lease.isLeader());
    await b.pass(3000);
  }
  t.ok(writes(fake) >= before + 6, 'it was renewed');
  t.notOk(b.lease.isLeader());
  t.strictSame(told, ['a leads']);
  await a.lease.close();
  await eventually('b leads at once', () => b.lease.isLeader());
  t.strictSame(told, ['a leads', 'a is to stop', 'a stopped', 'b leads']);
  t.equal((await leaseIn(kube)).leaseTransitions, 1, 'each change of hands is counted');
});

t.test('who gets no write through stops before anybody else can begin, even while a request hangs', async (t) => {
  const { fake, kube } = await openFake(t);
  const told: string[] = [];
  const a = takePart(t, kube, 'a', told);
  await eventually('a leads', () => a.lease.isLeader());
  const b = takePart(t, kube, 'b', told);
  await eventually('b knows', () => b.lease.holder() !== undefined && fake.watchers() === 2);
  await a.settled();
  fake.fail('hang', isWrite);
  a.advance(9900);
  await eventually('its write hangs', () => writes(fake) === 2);
  t.ok(a.lease.isLeader());
  await b.pass(9900);
  a.advance(101);
  t.notOk(a.lease.isLeader(), 'after two thirds');
  t.strictSame(told.slice(0, 2), ['a leads', 'a is to stop']);
  await b.pass(5000);
  t.notOk(b.lease.isLeader(), 'not yet');
  await eventually('b leads', () => (b.advance(200), b.lease.isLeader()));
  t.ok(b.now() < 18_000);
  t.strictSame(told, ['a leads', 'a is to stop', 'a stopped', 'b leads']);
  await eventually('a hears of it', () => a.lease.holder() === b.lease.holder());
  a.advance(60_000);
  t.notOk(a.lease.isLeader());
});

t.test('the time of a slow write counts from its beginning', async (t) => {
  const { fake, kube } = await openFake(t);
  const a = takePart(t, kube, 'a', []);
  await eventually('a leads', () => a.lease.isLeader());
  const { promise: after, resolve: answer } = Promise.withResolvers<void>();
  await a.settled();
  fake.fail({ after }, isWrite);
  a.advance(3000);
  await eventually('it writes', () => writes(fake) === 2);
  // It began a seventh of the duration after the first, or a little later.
  a.advance(5000);
  answer();
  await a.settled();
  a.advance(12_100 - a.now());
  t.ok(a.lease.isLeader(), 'it was renewed');
  a.advance(500);
  t.notOk(a.lease.isLeader());
});

t.test('a timer that is late makes nobody lead longer', async (t) => {
  const { kube } = await openFake(t);
  let time = 0;
  const timers: Timers = { after: () => () => undefined };
  const lease = takeLease(kube, {
    ...{ namespace: 'knot', name: 'writer', durationMs, log: silentLog, timers, now: () => time },
    onLead: () => undefined,
    onLose: () => undefined,
  });
  t.teardown(() => lease.close());
  await eventually('it leads', () => lease.isLeader());
  time = 10_001;
  t.notOk(lease.isLeader());
});

t.test('a write of what somebody else changed meanwhile is refused, and believed', async (t) => {
  const { fake, kube } = await openFake(t);
  const told: string[] = [];
  const a = takePart(t, kube, 'a', told);
  await eventually('a leads', () => a.lease.isLeader());
  // It hears of nothing, and somebody takes the lease by force.
  fake.fail('silent', ({ isWatch }) => isWatch, 1000);
  fake.cut();
  await kube.merge(kinds.lease, 'writer', 'knot', { spec: { holderIdentity: 'c', renewTime: 'now' } });
  await eventually('a stops', () => (a.advance(100), !a.lease.isLeader()));
  t.ok(a.now() < 9000, 'by what it read, not by the end of its time');
  t.equal((await leaseIn(kube)).holderIdentity, 'c', 'nothing was overwritten');
  t.strictSame(told.slice(0, 2), ['a leads', 'a is to stop']);
});

t.test('who leads again waits until its work of the last time is ended', async (t) => {
  const { fake, kube } = await openFake(t);
  const told: string[] = [];
  const ending = Promise.withResolvers<void>();
  const a = takePart(t, kube, 'a', told, () => ending.promise);
  await eventually('a leads', () => a.lease.isLeader());
  fake.fail({ status: 503 }, isWrite, 1000);
  a.advance(10_001);
  t.strictSame(told, ['a leads', 'a is to stop']);
  fake.recover();
  const before = writes(fake);
  a.advance(3000);
  await eventually('it writes', () => writes(fake) > before);
  t.notOk(a.lease.isLeader());
  ending.resolve();
  await eventually('it leads', () => (a.advance(600), a.lease.isLeader()));
  t.strictSame(told, ['a leads', 'a is to stop', 'a stopped', 'a leads']);
});

t.test('many that begin at once have one leader', async (t) => {
  const { kube } = await openFake(t);
  const told: string[] = [];
  const all = Array.from({ length: 5 }, (_, at) => takePart(t, kube, `${at}`, told));
  await eventually('all know', () => all.every(({ lease }) => (lease.holder() ?? '') !== ''));
  await eventually('one leads', () => all.some(({ lease }) => lease.isLeader()));
  t.equal(told.length, 1);
  t.equal(all.filter(({ lease }) => lease.isLeader()).length, 1);
});
