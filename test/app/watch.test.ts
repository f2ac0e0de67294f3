import { createHook } from 'node:async_hooks';
import t from 'tap';
import { createWatch } from '../../gateway/app/watch.ts';
import type { Integration, Older } from '../../gateway/integrations/index.ts';
import { type ComponentHealth, type Log, silentLog } from '../../gateway/lib/index.ts';
import type { Probe, ProbeResult } from '../../gateway/proxy/index.ts';
import type { Route } from '../../gateway/routes/index.ts';
import { aWhile, eventually } from '../support/eventually.ts';

const pace = { answeringMs: 5, otherwiseMs: 5, firstMs: 1 };
const up: ProbeResult = { outcome: 'answers', status: 200 };
const down: ProbeResult = {
  outcome: 'unreachable',
  reason: 'It does not answer.',
  remedy: 'Try again.',
  cause: 'ECONNREFUSED',
};

const route = (name: string): Route => ({
  host: `${name}.localhost`,
  name,
  kind: 'app',
  title: name,
  audience: 'everyone',
  upstream: { protocol: 'http:', hostname: '127.0.0.1', port: 9, allowLoopback: true },
  ownedPrefixes: [],
  untouchedPrefixes: [],
  switches: { encodedSlash: false, methods: [] },
});

t.test('each change is told once, logged once, and seen in tile and health', async (t) => {
  const logged: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (_fields, message) => void logged.push(`warn ${message}`),
    info: (_fields, message) => void logged.push(`info ${message}`),
  };
  const watch = createWatch({ log, pace });
  t.teardown(() => watch.close());
  const wiki = route('wiki');
  watch.add(wiki, '/');
  let told = 0;
  watch.onChange(() => void told++);
  t.match(watch.tile(wiki), { status: 'unknown' });
  t.match(watch.health(), [{ name: 'app:wiki', status: 'working' }]);
  t.match(watch.tile(route('other')), { status: 'unwatched' });

  let answer: ProbeResult = up;
  let asked = 0;
  watch.start(async () => (asked++, answer));
  const askedAgain = async (): Promise<void> => {
    const from = asked;
    await eventually('asked three times more', () => asked >= from + 3);
  };
  await askedAgain();
  t.match(watch.tile(wiki), { status: 'ready' });
  t.equal(told, 1);
  answer = down;
  await askedAgain();
  t.match(watch.tile(wiki), { status: 'unreachable', message: down.reason, remedy: 'Try again.' });
  t.match(watch.health(), [{ status: 'failed', message: /ECONNREFUSED/ }]);
  t.notMatch(watch.tile(wiki), { message: /ECONNREFUSED/ });
  answer = up;
  await askedAgain();
  t.match(watch.tile(wiki), { status: 'ready' });
  t.equal(told, 3);
  t.same(logged, ['warn an application does not answer as it should', 'info an application answers again']);
});

t.test('any number of applications is asked by few questions at once, and a slow one by one', async (t) => {
  const watch = createWatch({ log: silentLog, pace });
  t.teardown(() => watch.close());
  const names = Array.from({ length: 40 }, (_, index) => `app${index}`);
  for (const name of names) watch.add(route(name), '/');
  const open: { name: string; end: () => void }[] = [];
  const done = new Set<string>();
  let most = 0;
  const probe: Probe = ({ name }) =>
    new Promise((resolve) => {
      t.notOk(
        open.some((other) => other.name === name),
        'not asked twice at once',
      );
      const end = (): void => {
        open.splice(open.indexOf(entry), 1);
        done.add(name);
        resolve(up);
      };
      const entry = { name, end };
      open.push(entry);
      most = Math.max(most, open.length);
    });
  watch.start(probe);
  await eventually('everyone was asked', () => {
    open[0]?.end();
    return done.size === names.length;
  });
  t.ok(most > 1 && most <= 4, `${most} at once`);
});

t.test('nothing is asked any more after the end, and a probe that throws is a failure', async (t) => {
  const watch = createWatch({ log: silentLog, pace });
  const wiki = route('wiki');
  watch.add(wiki, '/');
  let asked = 0;
  let told = 0;
  watch.onChange(() => void told++);
  watch.start(async () => {
    asked++;
    throw new Error('a defect');
  });
  await eventually('asked twice', () => asked >= 2);
  t.match(watch.tile(wiki), { status: 'failed' });
  watch.close();
  const [askedThen, toldThen] = [asked, told];
  await aWhile();
  t.same([asked, told], [askedThen, toldThen]);
});

t.test('what is answered after the end is nobody’s, and the next question is not asked', async (t) => {
  const watch = createWatch({ log: silentLog, pace });
  const wiki = route('wiki');
  watch.add(wiki, '/');
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  let asked = 0;
  watch.onChange(() => t.fail('told'));
  watch.start(() => ((asked += 1), promise));
  await eventually('it is asked', () => asked === 1);
  watch.close();
  resolve(up);
  await aWhile();
  t.equal(asked, 1);
  t.match(watch.tile(wiki), { status: 'unknown' });
});

t.test('no timer is left at the end', async (t) => {
  const timers = new Set<number>();
  const hook = createHook({
    init(id, type) {
      if (type === 'Timeout' && /gateway\/app\/watch\.ts/.test(new Error().stack ?? '')) timers.add(id);
    },
    destroy: (id) => void timers.delete(id),
  }).enable();
  t.teardown(() => hook.disable());
  const watch = createWatch({ log: silentLog, pace: { ...pace, answeringMs: 60_000 } });
  watch.add(route('wiki'), '/');
  watch.start(async () => up);
  await eventually('it is asked again in a minute', () => watch.tile(route('wiki')).status === 'ready');
  t.ok(timers.size > 0);
  watch.close();
  await eventually('nothing is to come', () => timers.size === 0);
});

t.test('a tool goes on to say what it knows of itself, beside whether it answers and how old it is', async (t) => {
  const watch = createWatch({ log: silentLog, pace });
  t.teardown(() => watch.close());
  const listeners = new Set<() => void>();
  const own: ComponentHealth[] = [];
  const old: Older = { message: 'It is Tool 1.0, and Knot was made for 2.0 and later.', remedy: 'Upgrade it.' };
  let age: () => Promise<Older | undefined> = () => Promise.reject(new Error('it says nothing yet'));
  let asked = 0;
  /** How often it had been asked whether it answers, at each question for its age. */
  const questions: number[] = [];
  const tool = watch.follow({
    ...{ name: 'tool', title: 'Tool', route: { ...route('tool'), kind: 'integration' }, probePath: '/alive' },
    tile: () => ({ status: 'unknown', message: 'What it is for.' }),
    health: () => [{ name: 'tool', status: 'working', message: 'Nobody has asked it yet.' }, ...own],
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    older: () => (questions.push(asked), age()),
  } as unknown as Integration);
  let told = 0;
  const stop = tool.onChange(() => void (told += 1));
  const changes: string[] = [];
  watch.onChange(({ name, kind }) => void changes.push(`${kind} ${name}`));
  own.push({ name: 'tool:sign-in', status: 'failed', message: 'It has people of its own.' });
  for (const listener of listeners) listener();
  t.equal(told, 1, 'what it tells of itself is heard');
  t.match(tool.health(), [
    { name: 'tool', status: 'working', message: /looking/ },
    { name: 'tool:sign-in', status: 'failed' },
  ]);

  let answer: ProbeResult = up;
  watch.start(async () => ((asked += 1), answer));
  await eventually('asked for its age once more, since it said nothing', () => questions.length >= 2);
  t.ok(questions[1]! - questions[0]! <= 5, 'at one of its next answers');
  t.match(tool.tile(), { status: 'ready', message: 'What it is for.', remedy: undefined });
  t.strictSame(changes, ['integration tool'], 'that it answers is told');
  age = async () => old;
  await eventually('its tile says how old it is', () => tool.tile().remedy !== undefined);
  t.equal(changes.length, 2, 'and its age');
  t.match(tool.tile(), { status: 'ready', ...old });
  t.match(tool.health(), [
    { name: 'tool', status: 'warning', ...old },
    { name: 'tool:sign-in', status: 'failed' },
  ]);
  const [questionsThen, askedThen] = [questions.length, asked];
  await eventually('some answers more', () => asked >= askedThen + 5);
  t.equal(questions.length, questionsThen, 'not with each answer');

  answer = down;
  await eventually('it is away', () => tool.tile().status === 'unreachable');
  t.equal(tool.tile().message, down.reason);
  age = async () => undefined;
  const awayUntil = asked;
  answer = up;
  await eventually('it came back as another', () => tool.tile().message === 'What it is for.');
  t.ok(questions.at(-1)! - awayUntil <= 3, 'seen at one of its first answers');
  t.match(tool.health()[0], { status: 'ok' });
  stop();
  t.equal(listeners.size, 0);
  t.equal(
    watch.follow({ ...tool, probePath: undefined } as unknown as Integration).name,
    'tool',
    'who is not asked stays',
  );
});
