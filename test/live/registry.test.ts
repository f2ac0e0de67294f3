import t from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import { createLive, type LiveStream } from '../../gateway/live/index.ts';

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

t.test('streams are closed by session, person and host, each once', async (t) => {
  const { live, open, closed, audited } = setUp();
  open('s1');
  open('s2', { host: 'b.example' });
  open('s3', { userId: 'u2' });
  t.equal(live.count(), 3);
  t.equal(live.closeSession('s1', 'signed out'), 1);
  t.equal(live.closeSession('s1', 'signed out'), 0);
  t.equal(live.closeHost('b.example', 'route removed'), 1);
  t.equal(live.closeUser('u2', 'disabled'), 1);
  t.equal(live.closeUser('nobody', 'disabled'), 0);
  t.equal(live.count(), 0);
  t.strictSame(closed, ['s1 signed out', 's2 route removed', 's3 disabled']);
  t.strictSame(audited, closed, 'each cut is told');
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
  t.equal(await live.rejudge('u1'), 2);
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
