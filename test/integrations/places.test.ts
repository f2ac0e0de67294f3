import t from 'tap';
import { createToolPlaces, type ToolOwner } from '../../gateway/integrations/index.ts';
import { type AuditEntry, knotError, silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';

const ann: ToolOwner = { kind: 'user', id: 'id-ann', name: 'ann', title: 'ann', isPaused: false };
const physics: ToolOwner = {
  kind: 'team',
  id: 'id-p',
  name: 'physics',
  title: 'Physics',
  members: ['ann'],
  isPaused: false,
};

const ownersOf = (people: ReadonlyMap<string, ToolOwner>) => ({
  ids: async () => [...people.keys()],
  find: async (id: string) => people.get(id),
  teamsOf: async (id: string) =>
    [...people.values()].filter(({ members }) => members?.includes(people.get(id)?.name ?? '')).map((team) => team.id),
});

await onBothStores(t, async (t, open) => {
  await t.test('everybody gets what they should have in each tool, and what fails says why', async (t) => {
    const { store, clock } = await open(t);
    const people = new Map([ann, physics].map((owner) => [owner.id, owner]));
    const given: string[] = [];
    const entries: AuditEntry[] = [];
    let harborFails: Error | undefined = new Error('ECONNREFUSED 10.1.2.3:443');
    const places = createToolPlaces({
      tools: [
        {
          name: 'harbor',
          title: 'Images',
          async provide({ name, isGone }) {
            if (harborFails !== undefined) throw harborFails;
            given.push(`harbor ${name}${isGone ? ' gone' : ''}`);
          },
        },
        {
          name: 'grafana',
          title: 'Metrics',
          provide: async ({ name, isGone }) => void given.push(`grafana ${name}${isGone ? ' gone' : ''}`),
        },
        { name: 'jupyterhub', title: 'Notebooks' },
      ],
      owners: ownersOf(people),
      store,
      record: async (_transaction, entry) => void entries.push(entry),
      clock,
      log: silentLog,
      pauses: { firstMs: 5, mostMs: 20 },
    });
    t.teardown(() => places.close());
    const isThere = (what: string) => eventually(what, () => given.includes(what));
    places.ask();
    t.strictSame(given, [], 'nothing before it is started');

    places.start();
    for (const name of ['ann', 'physics']) await isThere(`grafana ${name}`);
    await eventually('a failure is known', async () => (await places.of('id-ann')).length === 2);
    t.match(await places.of('id-ann'), [
      { tool: 'grafana', state: 'ready' },
      { tool: 'harbor', state: 'failed', cause: 'Images could not be asked.' },
    ]);
    const [health] = places.health();
    t.match(health, { name: 'harbor:places', status: 'warning', message: /ann/ });
    t.notMatch(JSON.stringify([places.health(), entries, await places.of('id-ann')]), '10.1.2.3', 'no address leaves');

    harborFails = knotError('KNOT_TEST', 502, 'Harbor answers with an error.');
    await eventually('our own words are told', async () =>
      (await places.of('id-ann')).some(({ cause }) => cause === 'Harbor answers with an error.'),
    );
    harborFails = undefined;
    for (const name of ['ann', 'physics']) await isThere(`harbor ${name}`);
    await eventually('nothing fails', () => places.health().length === 0);
    await places.idle();
    t.strictSame(
      (await places.of('id-p')).map(({ state }) => state),
      ['ready', 'ready'],
    );

    given.length = 0;
    await store.transaction(async (transaction) => transaction.announce({ topic: 'teams', key: 'id-p' }));
    await isThere('harbor physics');
    t.notOk(given.includes('harbor ann'), 'a change is about one owner');

    people.delete('id-ann');
    await store.transaction(async (transaction) => transaction.announce({ topic: 'users', key: 'id-ann' }));
    await isThere('harbor ann gone');
    await isThere('grafana ann gone');
    await eventually('it is forgotten', async () => (await places.of('id-ann')).length === 0);
    t.strictSame(
      entries
        .filter(({ subject }) => subject === 'user:ann')
        .map(({ action, detail }) => `${action} ${String(detail?.['tool'])}`)
        .sort(),
      [
        'tool.place.failed harbor',
        'tool.place.ready grafana',
        'tool.place.ready harbor',
        'tool.place.removed grafana',
        'tool.place.removed harbor',
      ],
    );
  });

  await t.test(
    'who is disabled and had nothing gets nothing; who left while nobody looked is cleared away',
    async (t) => {
      const { store, clock } = await open(t);
      const people = new Map([[ann.id, ann]]);
      const given: string[] = [];
      const make = () => {
        const places = createToolPlaces({
          tools: [
            {
              name: 'harbor',
              title: 'Images',
              provide: async ({ name, isPaused, isGone }) => void given.push(`${name} ${isPaused} ${isGone ?? false}`),
            },
          ],
          owners: ownersOf(people),
          ...{ store, record: async () => undefined, clock, log: silentLog },
        });
        t.teardown(() => places.close());
        return places;
      };
      const first = make();
      first.start();
      await eventually('ann has hers', () => given.includes('ann false false'));
      people.set('id-bob', { ...ann, id: 'id-bob', name: 'bob', isPaused: true });
      people.set('id-ann', { ...ann, isPaused: true });
      first.ask();
      await eventually('ann is paused', () => given.includes('ann true false'));
      await first.close();
      people.delete('id-ann');
      make().start();
      await eventually('ann is gone', () => given.includes('ann true true'));
      t.notMatch(given.join(), 'bob');
    },
  );

  await t.test('whom a tool only knows once they came has theirs a moment after, and is in their teams', async (t) => {
    const { store, clock } = await open(t);
    const people = new Map([ann, physics].map((owner) => [owner.id, owner]));
    const given: string[] = [];
    let unknownFor = Infinity;
    const places = createToolPlaces({
      tools: [
        {
          name: 'grafana',
          title: 'Metrics',
          async provide({ kind, name }) {
            given.push(name);
            if (kind === 'user' && unknownFor-- > 0) return 'unknown';
          },
        },
      ],
      owners: ownersOf(people),
      ...{ store, record: async () => undefined, clock, log: silentLog },
    });
    t.teardown(() => places.close());
    places.start();
    await eventually('everybody was looked at', () => given.length === 2);
    await places.idle();
    t.strictSame(await places.of('id-ann'), [], 'who never came has nothing there');

    unknownFor = 2;
    given.length = 0;
    places.arrived('id-ann', 'grafana');
    await eventually('the team was looked at again', () => given.includes('physics'));
    t.strictSame(given, ['ann', 'ann', 'ann', 'physics']);
    await eventually('it is noted', async () => (await places.of('id-ann'))[0]?.state === 'ready');

    given.length = 0;
    places.arrived('id-ann', 'jupyterhub');
    places.ask('id-ann');
    await eventually('looked at', () => given.length > 0);
    await places.idle();
    t.strictSame(given, ['ann'], 'not for another tool, and not again without an arrival');
  });
});
