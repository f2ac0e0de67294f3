import t from 'tap';
import { type Outcome, outcomeOf } from '../../dashboard/src/lib/files/uploads/outcome.ts';
import { createLine } from '../../dashboard/src/lib/files/uploads/line.ts';
import type { Upload } from '../../dashboard/src/lib/files/uploads/model.ts';
import { pace, pictureOf } from '../../dashboard/src/lib/files/uploads/picture.ts';
import { createQueue } from '../../dashboard/src/lib/files/uploads/queue.ts';
import { createRate } from '../../dashboard/src/lib/files/uploads/rate.ts';
import { delayAfter } from '../../dashboard/src/lib/files/uploads/verdict.ts';
import { headline, progressWords, stateWords } from '../../dashboard/src/lib/files/uploads/words.ts';

const newUpload = (key: string, more: Partial<Upload> = {}): Upload => ({
  key,
  batch: 'one',
  target: { place: { area: 'private', address: '' }, path: '' },
  folders: [],
  name: `${key}.txt`,
  size: 10,
  modifiedAt: 0,
  state: 'waiting',
  sent: 0,
  read: 0,
  hasBegun: false,
  attempts: 0,
  losses: 0,
  source: { file: () => Promise.reject(new Error('not read here')) },
  ...more,
});

const there = { kind: 'file', size: 3, modifiedAt: 1, etag: '"a"' };
/** Lets everything that waits for nothing but the loop come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A queue whose attempts end as the test says, in the order in which they begin. */
function openQueue() {
  const attempts: { upload: Upload; isStopped: boolean; told(bytes: number): void; end(outcome: Outcome): void }[] = [];
  const waits: { act: () => void; milliseconds: number }[] = [];
  const [kept, dropped, givenUp, landed]: [string[], string[], string[], string[]] = [[], [], [], []];
  const facts = { isOnline: true, isReadable: true };
  const queue = createQueue({
    send(upload, told) {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const attempt = { upload: { ...upload }, isStopped: false, told, end: resolve };
      attempts.push(attempt);
      const stop = () => {
        attempt.isStopped = true;
        resolve({ kind: 'later', why: 'line' });
      };
      return { outcome: promise, stop };
    },
    digest: async ({ key }) => {
      if (!facts.isReadable) throw new Error('changed');
      return `sha of ${key}`;
    },
    giveUp: ({ key }) => void givenUp.push(key),
    keep: ({ key }) => void kept.push(key),
    drop: ({ key }) => void dropped.push(key),
    changed: () => undefined,
    landed: ({ key }) => void landed.push(key),
    isOnline: () => facts.isOnline,
    later: (act, milliseconds) => void waits.push({ act, milliseconds }),
  });
  const end = async (outcome: Outcome): Promise<void> => {
    attempts.find((attempt) => !ended.has(attempt))!.end(outcome);
    ended.add(attempts.find((attempt) => !ended.has(attempt))!);
    await settled();
  };
  const ended = new Set<object>();
  const stateOf = (key: string) => queue.uploads.get(key)?.state;
  return { queue, attempts, waits, kept, dropped, givenUp, landed, facts, end, stateOf };
}

t.test('ten thousand wait in line, three are under way, and each is told of once', async (t) => {
  const { queue, attempts, landed, end } = openQueue();
  queue.add(Array.from({ length: 10_000 }, (_, index) => newUpload(`f${index}`)));
  await settled();
  t.equal(attempts.length, 3);
  t.ok([...queue.uploads.values()].filter(({ sha256 }) => sha256).length < 20, 'no more is read than is soon sent');
  for (let count = 0; count < 30; count++) await end({ kind: 'done' });
  t.same(
    landed.slice(0, 30),
    Array.from({ length: 30 }, (_, index) => `f${index}`),
    'in the order they came',
  );
  const picture = pictureOf(queue.uploads.values(), { isHalted: false, hasHandle: () => false });
  t.match(picture, { total: 10_000, counts: { done: 30, sending: 3 }, sent: 300, size: 100_000, isActive: true });
  t.equal(picture.rows.length, 60);
  t.equal(picture.rows.length + picture.more, 10_000);
  t.equal(headline(picture), 'Uploading 9,970 files');
});

t.test('a broken line is tried again, ever more seldom, and at once when the browser is online again', async (t) => {
  const { queue, attempts, waits, facts, end, stateOf } = openQueue();
  queue.add([newUpload('f')]);
  await settled();
  t.notOk(attempts[0]!.upload.hasBegun);
  for (let count = 0; count < 12; count++) {
    facts.isOnline = count < 6;
    await end({ kind: 'later', why: 'line' });
    t.equal(stateOf('f'), 'delayed');
    t.match(stateWords(queue.uploads.get('f')!), count < 6 ? /line is broken/ : /offline/);
    waits.at(-1)!.act();
    await settled();
    t.ok(attempts.at(-1)!.upload.hasBegun, 'what may have begun is asked for first');
  }
  t.same(waits.map(({ milliseconds }) => milliseconds / 1000).slice(0, 7), [1, 2, 4, 8, 16, 30, 30]);
  attempts.at(-1)!.told(4);
  await end({ kind: 'later', why: 'line' });
  t.equal(waits.at(-1)!.milliseconds, 1000, 'it went forward: from the beginning');
  queue.wakeAll();
  await settled();
  t.equal(stateOf('f'), 'sending');
  waits.at(-1)!.act();
  await settled();
  t.equal(attempts.length, 14, 'who was woken is not woken again');
  t.equal(delayAfter(0), 1000);
});

t.test('a gateway that keeps failing is given up, not asked for ever', async (t) => {
  const { queue, waits, end, stateOf } = openQueue();
  queue.add([newUpload('f')]);
  await settled();
  for (let count = 0; count < 9; count++) {
    await end(outcomeOf('PATCH', 500, ''));
    waits.at(-1)?.act();
    await settled();
  }
  t.equal(stateOf('f'), 'failed');
});

t.test('a session that ended stops everything and is said', async (t) => {
  const { queue, attempts, end } = openQueue();
  queue.add(['a', 'b', 'c', 'd', 'e'].map((key) => newUpload(key)));
  await settled();
  await end(outcomeOf('PATCH', 401, '{}'));
  t.ok(queue.isHalted());
  await end({ kind: 'done' });
  t.equal(attempts.length, 3, 'nothing new begins');
  const picture = pictureOf(queue.uploads.values(), { isHalted: true, hasHandle: () => false });
  t.notOk(picture.isActive, 'leaving the page loses nothing more');
  t.match(headline(picture), /signed out/);
});

t.test('a name that is taken is asked about, once for all when a person says so', async (t) => {
  const { queue, attempts, dropped, end, stateOf } = openQueue();
  queue.add(['a', 'b', 'c', 'd'].map((key) => newUpload(key)));
  queue.add([newUpload('other', { batch: 'two' })]);
  await settled();
  for (let count = 0; count < 3; count++) await end({ kind: 'taken', there });
  t.same(['a', 'b', 'c'].map(stateOf), ['asked', 'asked', 'asked']);
  queue.decide('a', 'replace');
  await settled();
  t.match(attempts.at(-1)!.upload, { key: 'a', ifMatch: '"a"', hasBegun: false }, 'that version and no other');
  queue.decide('b', 'skip', { isForAll: true });
  t.same(['b', 'c'].map(stateOf), ['skipped', 'skipped']);
  await end({ kind: 'taken', there });
  t.equal(stateOf('d'), 'skipped', 'also those that come later');
  await end({ kind: 'taken', there });
  t.equal(stateOf('other'), 'asked', 'what was dropped at another time is another question');
  t.ok(['b', 'c', 'd'].every((key) => dropped.includes(key)));
  await end({ kind: 'changed' });
  t.match(queue.uploads.get('a'), { state: 'asked', hasChanged: true, ifMatch: undefined });
  queue.decide('a', 'replace');
  await settled();
  await end({ kind: 'taken', there: { ...there, etag: '"b"' } });
  await settled();
  t.match(attempts.at(-1)!.upload, { key: 'a', ifMatch: '"b"' }, 'what it is now, after it was said that it changed');
  queue.decide('other', 'beside');
  await settled();
  t.match(attempts.at(-1)!.upload, { key: 'other', decision: 'beside' });
});

t.test('a folder is never replaced by a file', async (t) => {
  const { queue, end, stateOf } = openQueue();
  queue.add([newUpload('f')]);
  await settled();
  await end({ kind: 'taken', there: { ...there, kind: 'folder' } });
  queue.decide('f', 'replace', { isForAll: true });
  t.equal(stateOf('f'), 'asked');
});

t.test('what arrived otherwise than it was read is sent once more as a whole, then it is said', async (t) => {
  const { queue, attempts, facts, givenUp, end, stateOf } = openQueue();
  queue.add([newUpload('f')]);
  await settled();
  await end(outcomeOf('PATCH', 460, 'Checksum Mismatch'));
  t.equal(attempts.length, 2);
  t.match(attempts[1]!.upload, { hasBegun: false, sha256: 'sha of f' });
  await end({ kind: 'mismatch' });
  t.equal(stateOf('f'), 'failed');
  facts.isReadable = false;
  queue.resume();
  await settled();
  t.match(stateWords(queue.uploads.get('f')!), /changed, moved or deleted/);
  facts.isReadable = true;
  queue.resume();
  await settled();
  await end({ kind: 'unreadable' });
  t.same(givenUp, ['f'], 'what is there of it is of no use');
});

t.test('pause, go on, give up; an end that comes late is nobody’s', async (t) => {
  const { queue, attempts, givenUp, dropped, stateOf } = openQueue();
  queue.add(['a', 'b'].map((key) => newUpload(key)));
  await settled();
  queue.pause(['a']);
  t.ok(attempts[0]!.isStopped);
  attempts[0]!.told(9);
  t.match(queue.uploads.get('a'), { state: 'paused', sent: 0 });
  queue.resume(['a']);
  await settled();
  t.equal(stateOf('a'), 'sending');
  queue.cancel();
  await settled();
  t.equal(queue.uploads.size, 0);
  t.same(givenUp, ['a', 'b']);
  t.same(dropped, ['a', 'b']);
  t.equal(attempts.length, 3);
});

t.test('one that is gone at the gateway begins anew, but not for ever', async (t) => {
  const { queue, attempts, end, stateOf } = openQueue();
  queue.add([newUpload('f', { sent: 5, hasBegun: true, sha256: 'x' })]);
  for (let count = 0; count < 3; count++) {
    await settled();
    await end(outcomeOf('HEAD', 404, ''));
    t.notOk(attempts.at(-1)!.upload.hasBegun);
    attempts.at(-1)!.told(5);
    await end({ kind: 'later', why: 'line' });
    queue.wakeAll();
  }
  await settled();
  await end(outcomeOf('HEAD', 410, ''));
  t.equal(stateOf('f'), 'failed');
});

t.test('answers of the gateway in plain words', async (t) => {
  const body = (code: string, message: string) => JSON.stringify({ code, message, remedy: 'Do something.' });
  const quota = body('KNOT_FILES_QUOTA', 'There is no room for 3 MB more: bob’s files use 9 MB of 10 MB.');
  t.match(outcomeOf('POST', 507, quota), { kind: 'refused', problem: { message: /bob’s files use 9 MB of 10 MB/ } });
  t.match(outcomeOf('PATCH', 507, 'The disk is full.\n'), { kind: 'refused', problem: { message: /no room/ } });
  t.match(outcomeOf('POST', 413, 'Maximum size exceeded'), { kind: 'refused', problem: { message: /larger/ } });
  t.match(outcomeOf('HEAD', 403, ''), { kind: 'refused', problem: { message: /not allowed/ } }, 'the right is lost');
  t.match(outcomeOf('POST', 404, body('KNOT_API_NO_AREA', 'There is no such area.')), { kind: 'refused' });
  t.match(outcomeOf('POST', 409, body('KNOT_FILES_UPLOAD_KNOWN', 'x')), { kind: 'known' });
  t.match(outcomeOf('PATCH', 412, body('KNOT_FILES_CHANGED', 'x')), { kind: 'changed' });
  t.same(outcomeOf('POST', 409, body('KNOT_FILES_TAKEN', 'x')), { kind: 'taken' });
  t.match(outcomeOf('POST', 409, JSON.stringify({ code: 'KNOT_FILES_TAKEN', details: there })), {
    kind: 'taken',
    there,
  });
  t.same(
    [outcomeOf('PATCH', 409, 'Upload-Offset conflict'), outcomeOf('HEAD', 423, ''), outcomeOf('PATCH', 503, '')].map(
      ({ kind }) => kind,
    ),
    ['later', 'later', 'later'],
  );
});

t.test('how fast it goes is what it was in the last seconds', async (t) => {
  const rate = createRate();
  t.equal(rate.perSecond(0), undefined);
  for (let second = 0; second <= 20; second++) rate.note(second * 1000, second * 1000);
  t.equal(rate.perSecond(20_000), 1000);
  for (let second = 21; second <= 32; second++) rate.note(20_000 + (second - 20) * 5000, second * 1000);
  t.equal(rate.perSecond(32_000), 5000);
  t.equal(Math.round(rate.perSecond(64_000)!), Math.round(45_000 / 41), 'it falls while nothing comes');
  rate.note(0, 65_000);
  t.equal(rate.perSecond(65_500), undefined, 'sent anew');
  const picture = pictureOf([newUpload('f', { state: 'sending', sent: 4 })], {
    isHalted: false,
    hasHandle: () => true,
  });
  t.equal(progressWords({ ...picture, ...pace(picture, 2) }), '4 B of 10 B, 2 B a second, 3 s left');
});

t.test('a line of many: first come, first served; who was interrupted is next', async (t) => {
  const line = createLine<number>();
  for (let one = 0; one < 5000; one++) line.add(one);
  t.same([line.take(), line.take()], [0, 1]);
  line.addFirst(-1);
  t.same([line.take(), line.take()], [-1, 2]);
  for (let one = 3; one < 5000; one++) line.take();
  t.equal(line.take(), undefined);
  line.add(7);
  t.equal(line.take(), 7);
});
