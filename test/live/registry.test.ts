import t from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import { createLive, type LiveStream } from '../../gateway/live/index.ts';
import { eventually } from '../support/eventually.ts';

function setUp() {
  const audited: string[] = [];
  const closed: string[] = [];
  const live = createLive({
    log: silentLog,
    onCut: (stream, reason) => void audited.push(`${stream.sessionId} ${reason}`),
  });
  const open = (sessionId: string, facts: Partial<LiveStream> = {}) =>
    live.open({
      kind: 'websocket',
      sessionId,
      userId: 'u1',
      username: 'ann',
      host: 'a.example',
      isStillAllowed: () => true,
      close: (reason) => void closed.push(`${sessionId} ${reason}`),
      ...facts,
    });
  return { live, open, audited, closed };
}

t.test('the streams of a sign-in are closed, each once', async (t) => {
  const { live, open, closed, audited } = setUp();
  open('s1');
  open('s2', { hostSessionId: 'h2' });
  open('s2');
  t.equal(live.count(), 3);
  t.equal(live.closeSession('s1', 'signed out'), 1);
  t.equal(live.closeSession('s1', 'signed out'), 0);
  t.equal(live.closeSession('h2', 'signed out'), 1, 'only what was opened in that host session');
  t.equal(live.count(), 1);
  t.strictSame(closed, ['s1 signed out', 's2 signed out']);
  t.strictSame(audited, closed, 'each cut is told');
});

t.test('a person, or a host, is re-judged and nobody else is asked', async (t) => {
  const { live, open, closed } = setUp();
  const asked: string[] = [];
  const stream = (name: string, facts: Partial<LiveStream>) =>
    open(name, { ...facts, isStillAllowed: () => (asked.push(name), name !== 'gone') });
  stream('a1', { host: 'a.example', userId: 'u1' });
  stream('b1', { host: 'b.example', userId: 'u1' });
  stream('gone', { host: 'b.example', userId: 'u2' });
  stream('c3', { host: 'c.example', userId: 'u3' });
  t.equal(await live.rejudge({ userId: 'u1' }), 0);
  t.strictSame(asked.splice(0), ['a1', 'b1']);
  t.equal(await live.rejudge({ hosts: ['b.example', 'c.example', 'nowhere.example'] }), 1);
  t.strictSame(asked.splice(0), ['b1', 'gone', 'c3']);
  t.strictSame(closed, ['gone no longer allowed']);
  t.equal(await live.rejudge({ userId: 'nobody' }), 0);
  t.strictSame(asked, []);
});

t.test('requests are served while a thousand streams are re-judged', async (t) => {
  const { live, open, closed } = setUp();
  for (let n = 0; n < 1000; n++) {
    open(`s${n}`, {
      async isStillAllowed() {
        await Promise.resolve();
        const end = performance.now() + 0.2;
        while (performance.now() < end);
        return n % 100 !== 0;
      },
    });
  }
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await live.rejudge();
  isDone = true;
  t.ok(turns >= 10, `${turns} turns of the event loop in 200 ms of work`);
  t.equal(closed.length, 10);
});

t.test('an answer that does not come keeps no other stream open', async (t) => {
  const { live, open, closed } = setUp();
  open('hangs', { isStillAllowed: () => new Promise(() => undefined) });
  for (let n = 0; n < 50; n++) open(`s${n}`, { isStillAllowed: () => false });
  void live.rejudge();
  await eventually('the others are closed', () => closed.length === 50);
  t.equal(live.count(), 1);
});

t.test('a stream that ended by itself is forgotten, and not told as a cut', async (t) => {
  const { live, open, closed, audited } = setUp();
  const done = open('s1');
  done();
  done();
  t.equal(live.count(), 0);
  t.equal(live.closeSession('s1', 'x'), 0);
  t.strictSame([...closed, ...audited], []);
});

t.test('re-judging closes what is no longer allowed, also when nobody can say', async (t) => {
  const { live, open, closed } = setUp();
  open('fine');
  open('later', { isStillAllowed: () => Promise.resolve(true) });
  open('denied', { isStillAllowed: () => Promise.resolve(false) });
  open('broken', {
    isStillAllowed: () => {
      throw new Error('store down');
    },
  });
  open('rejected', { isStillAllowed: () => Promise.reject(new Error('store down')), userId: 'u2' });
  t.equal(await live.rejudge({ userId: 'u1' }), 2);
  t.equal(live.count(), 3);
  t.equal(await live.rejudge(), 1);
  t.strictSame(closed.map((text) => text.split(' ')[0]).sort(), ['broken', 'denied', 'rejected']);
});

t.test('one stream that fails to close does not keep the others open', async (t) => {
  const { live, open, closed } = setUp();
  open('s1', {
    close: () => {
      throw new Error('socket gone');
    },
  });
  open('s1');
  t.equal(live.closeSession('s1', 'signed out'), 2);
  t.equal(closed.length, 1);
});

t.test('a stream may close others while it is closed', async (t) => {
  const { live, open } = setUp();
  open('s1', { close: () => void live.closeSession('s1', 'again') });
  open('s1');
  live.closeSession('s1', 'signed out');
  t.equal(live.count(), 0);
});
