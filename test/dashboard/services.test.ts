import t from 'tap';
import type {
  Service,
  ServiceEvents,
  ServiceLogLine,
  ServiceMetrics,
  TemplateSummary,
} from '../../dashboard/src/lib/contract.ts';
import { apart, originWords, categoryChips } from '../../dashboard/src/lib/forms/catalogue.ts';
import { continuing, offered } from '../../dashboard/src/lib/services/home.ts';
import { held, withNewer, withOlder } from '../../dashboard/src/lib/services/logs/blocks.ts';
import { plots, summaryOf, tableOf } from '../../dashboard/src/lib/services/plots/metrics.ts';
import { startSteps, tookOf } from '../../dashboard/src/lib/services/start.ts';
import { stepsOf } from '../../dashboard/src/lib/services/events.ts';
import { firstAct, isUp, shownState } from '../../dashboard/src/lib/services/states.ts';
import { readAddress } from '../../dashboard/src/lib/ui/list/address.ts';
import { chipsOf, rowsOf, shape } from '../../dashboard/src/routes/(app)/services/list.ts';

const service = (over: Partial<Service> = {}): Service => ({
  ...{ id: over.name ?? 'one', name: 'one', owner: { kind: 'user', name: 'ann' }, url: 'https://one-ann.localhost/' },
  template: { id: 'web', title: 'Web page', version: '1.0.0' },
  ...{ wish: 'running', state: 'ready', since: 1, createdBy: 'ann', createdAt: 1 },
  ...{ canSee: true, canView: true, canOpen: true, canManage: true, canStop: true, canRemove: true, canShare: true },
  ...over,
});

t.test('what was last asked of a service is what a person sees, before its program got there', async (t) => {
  const word = (wish: Service['wish'], state: Service['state']): string => shownState({ wish, state }).word;
  t.equal(word('running', 'ready'), 'Running');
  t.equal(word('stopped', 'ready'), 'Stopping');
  t.equal(word('stopped', 'stopped'), 'Stopped');
  t.equal(word('running', 'stopping'), 'About to start');
  t.equal(word('removed', 'ready'), 'Being removed');
  t.equal(word('asleep', 'ready'), 'Going to sleep');
  t.equal(word('asleep', 'sleeping'), 'Asleep');
});

t.test('the one button opens what answers, wakes, starts, and is not there for who may not', async (t) => {
  t.equal(firstAct(service()), 'open');
  t.equal(firstAct(service({ state: 'starting' })), undefined);
  t.equal(firstAct(service({ wish: 'stopped' })), 'start');
  t.equal(firstAct(service({ wish: 'stopped', canManage: false })), undefined);
  t.equal(firstAct(service({ state: 'failed' })), 'start');
  t.equal(firstAct(service({ wish: 'asleep', state: 'sleeping' })), 'wake');
  t.equal(firstAct(service({ wish: 'asleep', state: 'sleeping', canView: false, canOpen: false })), undefined);
  t.equal(
    firstAct(service({ wish: 'asleep', state: 'sleeping', canOpen: false })),
    'open',
    'what a visit of who looks does, its page says',
  );
  t.equal(firstAct(service({ canView: false, canOpen: false })), undefined, 'an admin does not enter');
  t.equal(firstAct(service({ canOpen: false })), 'open', 'who may look opens it');
  t.equal(firstAct(service({ wish: 'removed' })), undefined);
  t.ok(isUp({ wish: 'running', state: 'failed' }), 'what was given up can be stopped');
  t.notOk(isUp({ wish: 'stopped', state: 'stopping' }));
});

t.test('an address says which services are shown, in which order; filters count what the others leave', async (t) => {
  const physics = { kind: 'team', name: 'physics' } as const;
  const all = [
    service({ name: 'lab', template: { id: 'notebook', title: 'Notebook', version: '1' }, since: 3 }),
    service({ name: 'site', owner: physics, wish: 'stopped', state: 'stopped', since: 2 }),
    service({ name: 'blog', state: 'failed', since: 1 }),
  ];
  const at = (query: string) => readAddress(new URLSearchParams(query), shape);
  const names = (query: string): string[] => rowsOf(all, at(query)).map(({ name }) => name);
  t.strictSame(names(''), ['lab', 'site', 'blog']);
  t.strictSame(names('sort=name'), ['blog', 'lab', 'site']);
  t.strictSame(names('sort=-since'), ['lab', 'site', 'blog']);
  t.strictSame(names('sort=since'), ['blog', 'site', 'lab']);
  t.strictSame(names('q=PHYSICS web'), ['site']);
  t.strictSame(names('state=failed'), ['blog']);
  t.strictSame(names('state=nothing'), ['lab', 'site', 'blog'], 'what no filter has is not filtered by');
  t.strictSame(names('owner=physics&state=running'), []);
  t.strictSame(names('template=notebook'), ['lab']);
  const chips = (query: string, maySeeAll = false) => chipsOf(all, at(query), { ownName: 'ann', maySeeAll });
  const counts = (query: string) => Object.fromEntries(chips(query).map(({ label, count }) => [label, count]));
  const everything = { All: 3, Running: 1, Failed: 1, Stopped: 1, Mine: 2, 'Team physics': 1, Notebook: 1 };
  t.strictSame(counts(''), { ...everything, 'Web page': 2 });
  const { Stopped: _, ...others } = everything;
  t.strictSame(counts('owner=ann'), { ...others, All: 2, 'Web page': 1 });
  t.match(chips('', true).at(-1), { label: "Everybody's", href: '/services?owner=*' });
});

t.test('each step lasts until the next one', async (t) => {
  const event = (at: number, state: 'ready' | 'starting') => ({ at, state, actor: 'system' });
  t.strictSame(stepsOf([event(5, 'ready'), event(2, 'starting')]), [
    event(5, 'ready'),
    { ...event(2, 'starting'), endedAt: 5 },
  ]);
});

t.test('the checklist of a start: as the gateway tells it, else from what became of it', async (t) => {
  const event = (at: number, state: ServiceEvents['events'][number]['state']) => ({ at, state, actor: 'system' });
  const told = service({ steps: [{ name: 'answer', title: 'It answers', state: 'working', startedAt: 4 }] });
  t.strictSame(startSteps(told, []), [{ title: 'It answers', state: 'working', startedAt: 4 }]);
  const states = (...events: Parameters<typeof event>[]) =>
    startSteps(
      service(),
      events.map((one) => event(...one)),
    ).map(({ state, startedAt, endedAt }) => [state, startedAt, endedAt]);
  t.strictSame(states([1, 'requested']), [
    ['working', 1, undefined],
    ['waiting', undefined, undefined],
  ]);
  t.strictSame(states([3, 'starting'], [1, 'requested']), [
    ['done', 1, 3],
    ['working', 3, undefined],
  ]);
  const again = [
    [9, 'ready'],
    [8, 'starting'],
    [7, 'requested'],
    [5, 'ready'],
    [3, 'starting'],
    [1, 'requested'],
  ] as const;
  t.strictSame(states(...again.map((one): [number, 'ready' | 'starting' | 'requested'] => [...one])), [
    ['done', 7, 8],
    ['done', 8, 9],
  ]);
  t.strictSame(states([4, 'failed'], [3, 'starting'], [1, 'requested']), [
    ['done', 1, 3],
    ['failed', 3, 4],
  ]);
  t.strictSame(states([4, 'failed'], [1, 'requested']), [
    ['failed', 1, 4],
    ['waiting', undefined, undefined],
  ]);
  t.strictSame(states(), []);
  t.equal(tookOf(startSteps(service(), [event(9, 'ready'), event(8, 'starting'), event(7, 'requested')])), 2);
});

t.test('what it used: in words, and as a table that can be read', async (t) => {
  const column = (value: (index: number) => number | null) => Array.from({ length: 48 }, (_, index) => value(index));
  const nothing = column(() => 0);
  const metrics: ServiceMetrics = {
    ...{ step: 30, at: column((index) => index * 30_000) as number[], limits: {} },
    ...{ errors: nothing, received: nothing, sent: column((index) => (index % 2) * 100_000) },
    cpu: column((index) => (index < 2 ? null : 0.25)),
    memory: column((index) => index * 1e6),
    requests: column((index) => (index % 2) * 3),
  };
  const summary = plots.map((plot) => summaryOf(metrics, plot));
  t.match(summary, [
    { last: '0.25', most: '0.25' },
    { last: '45 MiB', most: '45 MiB' },
    { last: '6 a minute', most: '6 a minute' },
    { last: '200 kB a minute', most: '200 kB a minute' },
    { last: '0 B a minute', most: '0 B a minute' },
  ]);
  const rows = tableOf(metrics);
  t.equal(rows.length, 24);
  t.strictSame(rows[0], {
    at: 46 * 30_000,
    cells: ['0.25', '45 MiB', '3 a minute', '100 kB a minute', '0 B a minute'],
  });
  t.strictSame(rows.at(-1)?.cells, ['–', '977 KiB', '3 a minute', '100 kB a minute', '0 B a minute']);
  t.equal(summaryOf({ ...metrics, cpu: column(() => null) }, plots[0]!), undefined);
});

t.test('Home goes on with what was not told to stop, and offers what was pinned and used before', async (t) => {
  const template = (id: string, over: Partial<TemplateSummary> = {}): TemplateSummary => ({
    ...{ id, name: id, origin: 'shipped', version: '1', title: id, description: '', categories: [] },
    ...{ isUsable: true, missing: [], needsKubernetes: false, needsMachine: false, problems: [] },
    ...over,
  });
  const all = [
    service({ name: 'a', template: { id: 'web', title: 'Web', version: '1' }, createdAt: 5 }),
    service({ name: 'b', wish: 'stopped', template: { id: 'marimo', title: 'M', version: '1' }, createdAt: 9 }),
    service({ name: 'c', wish: 'asleep', state: 'sleeping' }),
    service({ name: 'd', wish: 'removed' }),
    service({ name: 'e', state: 'failed' }),
  ];
  t.strictSame(
    continuing(all).shown.map(({ name }) => name),
    ['a', 'c', 'e'],
  );
  t.equal(continuing(all).rest, 2);
  const templates = [
    template('code'),
    template('web'),
    template('broken', { isUsable: false }),
    template('marimo'),
    template('tensorboard'),
  ];
  const ids = (pinned: string) => offered(templates, all, (name) => name === pinned).map(({ id }) => id);
  t.strictSame(ids(''), ['marimo', 'web', 'code', 'tensorboard']);
  t.strictSame(ids('template:tensorboard'), ['tensorboard', 'marimo', 'web', 'code']);
});

t.test('what runs on Kubernetes only stands apart, and is in no count of what can be started', async (t) => {
  const template = (id: string, over: Partial<TemplateSummary> = {}): TemplateSummary => ({
    ...{ id, name: id, origin: 'shipped', version: '1', title: id, description: '', categories: ['database'] },
    ...{ isUsable: true, missing: [], needsKubernetes: false, needsMachine: false, problems: [] },
    ...over,
  });
  const only = { isUsable: false, needsKubernetes: true };
  const all = [
    template('postgresql'),
    template('web', { categories: ['web'] }),
    template('mariadb', only),
    template('user:ann/mine', { ...only, origin: 'user', owner: 'ann' }),
    template('broken', { isUsable: false }),
    template('desktop', { isUsable: false, needsMachine: true }),
  ];
  const { here, elsewhere } = apart(all);
  const ids = (some: readonly TemplateSummary[]) => some.map(({ id }) => id);
  t.strictSame(ids(here), ['postgresql', 'web', 'user:ann/mine', 'broken'], 'their own people see where they put it');
  t.strictSame(ids(elsewhere), ['mariadb', 'desktop']);
  t.match(
    categoryChips(here, {}).find(({ label }) => label === 'database'),
    { count: 3 },
  );
});

t.test('who put a template there is said, also of what was pushed to the registry', async (t) => {
  const source = 'oci://harbor.test/ann/web';
  t.equal(originWords({ origin: 'user', owner: 'ann' }), 'Your own');
  t.equal(originWords({ origin: 'user', owner: 'ann', source }), 'Your own, from the registry');
  t.equal(originWords({ origin: 'team', owner: 'physics', source }), 'From team physics, from the registry');
});

t.test('of many lines the oldest go, but not those that somebody just went back to', async (t) => {
  const lines = (first: number, count: number): ServiceLogLine[] =>
    Array.from({ length: count }, (_, index) => ({ n: first + index, at: 1, from: 'out', text: '' }));
  type Blocks = Parameters<typeof held>[0];
  const numbers = (blocks: Blocks) => blocks.flatMap((block) => block.lines.map(({ n }) => n));
  const range = (first: number, last: number) => lines(first, last - first + 1).map(({ n }) => n);

  const some = withNewer(withNewer([], lines(501, 250)), lines(751, 3));
  t.strictSame(
    some.map(({ first, lines: held }) => [first, held.length]),
    [
      [501, 200],
      [701, 53],
    ],
  );
  t.strictSame(numbers(withOlder(some, lines(1, 500))), range(1, 753));

  const full = withNewer([], lines(501, 50_000));
  t.equal(held(full, true), full);
  const back = withNewer(withOlder(full, lines(1, 500)), lines(50_501, 1));
  t.strictSame(numbers(held(back, false)), range(1, 50_501), 'who looks back reads on');
  t.strictSame(numbers(held(back, true)), range(701, 50_501), 'at the end again they go, by whole blocks');
  const endless = withNewer(back, lines(50_502, 60_000));
  t.equal(numbers(held(endless, false)).at(-1), 110_501);
  t.ok(numbers(held(endless, false)).length <= 100_000, 'however long a page is left so');
});
