import t from 'tap';
import type { Service } from '../../dashboard/src/lib/contract.ts';
import { stepsOf } from '../../dashboard/src/lib/services/events.ts';
import { firstAct, isUp, shownState } from '../../dashboard/src/lib/services/states.ts';
import { readAddress } from '../../dashboard/src/lib/ui/list/address.ts';
import { chipsOf, rowsOf, shape } from '../../dashboard/src/routes/(app)/services/list.ts';

const service = (over: Partial<Service> = {}): Service => ({
  ...{ id: over.name ?? 'one', name: 'one', owner: { kind: 'user', name: 'ann' }, url: 'https://one-ann.localhost/' },
  template: { id: 'web', title: 'Web page', version: '1.0.0' },
  ...{ wish: 'running', state: 'ready', since: 1, createdBy: 'ann', createdAt: 1 },
  ...{ canOpen: true, canManage: true, canStop: true, canRemove: true },
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
  t.equal(firstAct(service({ wish: 'asleep', state: 'sleeping', canOpen: false })), undefined);
  t.equal(firstAct(service({ canOpen: false })), undefined, 'an admin does not enter');
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
