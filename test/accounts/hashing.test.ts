import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { createHashPlaces } from '../../gateway/accounts/hash-places.ts';
import { createHashThreads } from '../../gateway/accounts/hash-threads.ts';
import type { KnotError } from '../../gateway/lib/index.ts';

const wanted = {
  password: 'x',
  salt: Buffer.alloc(16, 1),
  length: 32,
  parameters: { memory: 64, passes: 1, parallelism: 1 },
};

/** Nice values of the threads of this process that have a name (proc(5)). */
function niceOf(name: string): number[] {
  return readdirSync('/proc/self/task').flatMap((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
    const [named, fields] = [stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')), stat.split(') ').at(-1)!];
    return named === name ? [Number(fields.split(' ')[16])] : [];
  });
}

t.test(
  'where the event loop and passwords want one processor, the loop goes first',
  { skip: process.platform === 'linux' ? false : 'only Linux gives threads priorities of their own' },
  async (t) => {
    const threads = createHashThreads(2);
    await Promise.all([threads.derive(wanted), threads.derive(wanted)]);
    const [own] = niceOf('node-MainThread');
    t.strictSame(niceOf('passwords'), [own! + 10, own! + 10], 'both are less urgent, the loop is as before');
  },
);

t.test('what is asked first is derived first, at most so many at a time', async (t) => {
  const threads = createHashThreads(1);
  const order: number[] = [];
  await Promise.all([1, 2, 3, 4].map(async (each) => threads.derive(wanted).then(() => order.push(each))));
  t.strictSame(order, [1, 2, 3, 4]);
});

t.test('what cannot be derived is an error for who asked, and for nobody else', async (t) => {
  const threads = createHashThreads(1);
  const impossible = { ...wanted, parameters: { ...wanted.parameters, memory: 1 } };
  const [before, failed, after] = await Promise.allSettled([wanted, impossible, wanted].map(threads.derive));
  t.equal(before!.status, 'fulfilled');
  t.match(failed, { status: 'rejected', reason: { message: /could not be hashed/ } });
  t.equal(after!.status, 'fulfilled');
});

t.test('a thread that ends fails one sign-in; the next one gets a new thread', async (t) => {
  const body = join(t.testdir(), 'body.mjs');
  writeFileSync(
    body,
    `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ password }) => {
  if (password === 'exit') process.exit(3);
  if (password === 'throw') throw new Error('out of memory');
  parentPort.postMessage({ hash: new Uint8Array(32) });
});`,
  );
  const threads = createHashThreads(1, pathToFileURL(body));
  const asked = ['exit', 'fine', 'throw', 'fine'].map((password) => threads.derive({ ...wanted, password }));
  const [exited, fine, thrown, fineAgain] = await Promise.allSettled(asked);
  t.match(exited, { status: 'rejected', reason: { message: /thread that hashes passwords ended/ } });
  t.match(thrown, { status: 'rejected', reason: { message: 'out of memory' } });
  t.equal(fine!.status, 'fulfilled');
  t.equal(fineAgain!.status, 'fulfilled');
});

t.test('who is refused is told when there is room for them, each one later than the one before', async (t) => {
  let now = 1_000_000;
  const places = createHashPlaces(10, 1, () => now);
  for (let count = 0; count < 200; count += 1) places.note(100);
  const giveBack = Array.from({ length: 10 }, () => places.take());
  const refusal = (ask: () => unknown): number => {
    try {
      ask();
    } catch (error) {
      const { code, statusCode, headers, remedy } = error as KnotError;
      const seconds = Number(headers!['retry-after']);
      const text = `Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`;
      if (code !== 'KNOT_ACCOUNTS_BUSY' || statusCode !== 503 || remedy !== text) throw error;
      return seconds;
    }
    return 0;
  };
  const told = Array.from({ length: 40 }, (_, index) => refusal(index % 2 === 0 ? places.take : places.expectRoom));
  t.strictSame(
    told,
    Array.from({ length: 40 }, (_, index) => Math.ceil((10 * 100 + (index + 1) * 100) / 1000)),
    'behind those who wait, and behind those who were refused before: ten a second',
  );
  for (let count = 0; count < 2_000; count += 1) refusal(places.take);
  t.equal(refusal(places.take), 60, 'never longer than a minute');
  now += 3_600_000;
  t.equal(refusal(places.take), 2, 'what was promised is over');
  giveBack[0]!();
  t.equal(refusal(places.expectRoom), 0);
  t.equal(refusal(places.take), 0, 'a place that was given back is free');
  t.equal(refusal(places.expectRoom), 2, 'and taken again');
});
