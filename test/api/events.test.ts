import t from 'tap';
import type { Change } from '../../gateway/api/contract.ts';
import { createListeners } from '../../gateway/api/listeners.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import type { Route } from '../../gateway/routes/index.ts';
import { eventually } from '../support/eventually.ts';
import { follow } from './event-stream.ts';
import { openHouse } from './house.ts';

/** Ann administers, bob and carl do not; all three look at a page. */
async function openAudience(t: Parameters<typeof openHouse>[0]) {
  const appListeners = new Set<(route: Route) => void>();
  const house = await openHouse(t, {
    onAppChange(listener) {
      appListeners.add(listener);
      return () => void appListeners.delete(listener);
    },
  });
  const people = {
    ann: await house.person('ann', { isAdmin: true }),
    bob: await house.person('bob'),
    carl: await house.person('carl'),
  };
  // That these were made is no news any more.
  house.clock.advance(31_000);
  const streams = {
    ann: await follow(house, people.ann.cookie),
    bob: await follow(house, people.bob.cookie),
    carl: await follow(house, people.carl.cookie),
  };
  t.teardown(() => Object.values(streams).forEach(({ stop }) => stop()));
  const changeApp = (name: string): void =>
    appListeners.forEach((listener) => listener(house.routes.find(`${name}.localhost`)!));
  /** What each of them was told by an act, as `topic id title`, with names for the ids of people. Everybody can open `echo`. */
  async function toldBy(act: () => unknown): Promise<Record<string, string[]>> {
    await act();
    // Told together or before: what follows everywhere shows that nothing is still on its way.
    await new Promise((resolve) => setImmediate(resolve));
    changeApp('echo');
    const nameOf = new Map(Object.values(people).map(({ id, username }) => [id, username]));
    const told: Record<string, string[]> = {};
    for (const [name, stream] of Object.entries(streams)) {
      const isMark = ({ topic, id }: Change): boolean => topic === 'tiles' && (id === 'echo' || id === undefined);
      await eventually(`${name} is told of echo`, () => stream.told.some(isMark));
      told[name] = stream.told
        .splice(0)
        .filter((change) => change.topic !== 'audit' && !(change.topic === 'tiles' && change.id === 'echo'))
        .map(({ topic, id, title }) => [topic, nameOf.get(id ?? '') ?? id, title].filter(Boolean).join(' '))
        .filter((text) => text !== 'health')
        .sort();
    }
    return told;
  }
  for (const { cookie } of Object.values(people)) await house.call({ url: '/tiles', cookie });
  // The first thing a stream tells is what was news when it was opened.
  await toldBy(() => undefined);
  return { ...house, house, people, streams, changeApp, toldBy };
}

t.test('a change is told to whom it concerns and to nobody else', async (t) => {
  const { accounts, sessions, signIn, people, hub, changeApp, toldBy, streams, house } = await openAudience(t);
  const { ann, bob, carl } = people;
  const by = { name: 'ann' };
  t.match(streams.ann.answer, {
    statusCode: 200,
    headers: { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store' },
  });
  const team = { id: '' };
  const link = { id: '' };
  const acts: [act: string, work: () => unknown, ann: string[], bob: string[], carl: string[]][] = [
    [
      'bob has another address',
      () => accounts.setEmail(bob.id, 'b@new.example.org', by),
      ['users bob'],
      ['tiles', 'users bob'],
      [],
    ],
    [
      'bob shares with carl, and thinks better of it',
      async () => {
        const { share } = await house.shares.create(
          {
            thing: { kind: 'files', id: `private/${bob.id}`, path: '' },
            owner: { kind: 'user', id: bob.id },
            party: { kind: 'user', id: carl.id, name: 'carl' },
            right: 'view',
          },
          { actor: 'bob' },
        );
        await house.shares.revoke(share.id, { actor: 'bob' });
      },
      [],
      ['shares'],
      ['shares'],
    ],
    ['carl signs in elsewhere', () => signIn(carl.id, 'carl'), ['sessions carl'], [], ['sessions carl']],
    [
      'a session of bob ends',
      async () => sessions.end((await signIn(bob.id, 'bob')).sessionId, { actor: 'bob', reason: 'signed_out' }),
      ['sessions bob'],
      ['sessions bob'],
      [],
    ],
    [
      'a team is made',
      async () => (team.id = (await accounts.createTeam({ name: 'optics', title: 'Optics' }, by)).id),
      ['teams TEAM'],
      [],
      [],
    ],
    [
      'bob joins it',
      () => accounts.setMember(team.id, bob.id, 'member', by),
      ['teams TEAM', 'users bob'],
      ['teams TEAM', 'tiles', 'users bob'],
      [],
    ],
    [
      'carl joins it, and bob looks at who is in it',
      () => accounts.setMember(team.id, carl.id, 'member', by),
      ['teams TEAM', 'users carl'],
      ['teams TEAM'],
      ['teams TEAM', 'tiles', 'users carl'],
    ],
    [
      'it has another plan',
      () => house.plans.give({ kind: 'team', id: team.id, name: 'optics', title: 'Optics' }, 'large', { actor: 'ann' }),
      ['plans TEAM'],
      ['plans TEAM'],
      ['plans TEAM'],
    ],
    [
      'bob has another plan',
      () => house.plans.give({ kind: 'user', id: bob.id, name: 'bob', title: 'bob' }, 'large', { actor: 'ann' }),
      ['plans bob'],
      ['plans bob'],
      [],
    ],
    [
      'carl leaves it',
      () => accounts.removeMember(team.id, carl.id, by),
      ['teams TEAM', 'users carl'],
      ['teams TEAM'],
      ['tiles', 'users carl'],
    ],
    [
      'a link is made',
      async () => (link.id = (await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 60 }, by)).link.id),
      ['links LINK'],
      [],
      [],
    ],
    ['a tool for all is ready', () => hub.change(), ['tiles jupyterhub'], ['tiles jupyterhub'], ['tiles jupyterhub']],
    ['an application for admins fails', () => changeApp('vault'), ['tiles vault'], [], []],
    [
      'an application for all is called otherwise',
      () => house.routes.put({ ...house.routes.find('echo.localhost')!, title: 'Parrot' }),
      [],
      [],
      [],
    ],
    [
      'an application for admins is called otherwise',
      () => house.routes.put({ ...house.routes.find('vault.localhost')!, title: 'Safe' }),
      ['tiles vault Safe'],
      [],
      [],
    ],
    [
      'an application for admins moves to another machine',
      () => {
        const vault = house.routes.find('vault.localhost')!;
        return house.routes.put({ ...vault, upstream: { ...vault.upstream, port: 10 } });
      },
      [],
      [],
      [],
    ],
    [
      'it is for all from now on',
      () => house.routes.put({ ...house.routes.find('vault.localhost')!, audience: 'everyone' }),
      ['tiles vault'],
      ['tiles vault'],
      ['tiles vault'],
    ],
    [
      'and again not',
      () => house.routes.put({ ...house.routes.find('vault.localhost')!, audience: 'admins' }),
      ['tiles vault'],
      ['tiles vault'],
      ['tiles vault'],
    ],
    ['carl is made an admin', () => accounts.setAdmin(carl.id, true, by), ['users carl'], [], ['tiles', 'users carl']],
    ['then the application for admins fails', () => changeApp('vault'), ['tiles vault'], [], ['tiles vault']],
    [
      'then bob has another address',
      () => accounts.setEmail(bob.id, 'bob@new.example.org', by),
      ['users bob'],
      ['tiles', 'users bob'],
      ['users bob'],
    ],
    [
      'carl is an admin no more',
      () => accounts.setAdmin(carl.id, false, by),
      ['users carl'],
      [],
      ['tiles', 'users carl'],
    ],
    [
      'then ann has another address',
      () => accounts.setEmail(ann.id, 'ann@new.example.org', by),
      ['tiles', 'users ann'],
      [],
      [],
    ],
  ];
  for (const [act, work, ...expected] of acts) {
    const told = await toldBy(work);
    const ids = new Map([
      ['TEAM', team.id],
      ['LINK', link.id],
    ]);
    const [toAnn, toBob, toCarl] = expected.map((list) =>
      list.map((text) => text.replace(/TEAM|LINK/, (word) => ids.get(word)!)),
    );
    t.strictSame(told, { ann: toAnn, bob: toBob, carl: toCarl }, act);
  }
});

t.test('one person of whom the store says nothing keeps no other from being told', async (t) => {
  const { house, people, streams, hub, accounts } = await openAudience(t);
  const { principal } = accounts;
  accounts.principal = (id) => (id === people.bob.id ? new Promise(() => undefined) : principal(id));
  hub.change();
  await eventually('carl is told', () => streams.carl.topics().includes('tiles'));
  streams.carl.told.length = 0;
  hub.change();
  await eventually('and again', () => streams.carl.topics().includes('tiles'));
  t.strictSame(streams.bob.told, []);
  accounts.principal = principal;
  t.equal(house.live.count(), 3);
});

t.test('an admin hears of every part of the platform, a user of none', async (t) => {
  const { streams, hub, accounts } = await openAudience(t);
  hub.change();
  await accounts.createTeam({ name: 'optics', title: 'Optics' }, { name: 'ann' });
  await eventually('ann hears', () => ['health', 'audit'].every((topic) => streams.ann.topics().includes(topic)));
  await eventually('bob hears of the tool', () => streams.bob.topics().includes('tiles'));
  t.strictSame(streams.bob.topics(), ['tiles']);
});

t.test(
  'what changed between the reading of a page and the opening of its stream is told, and nothing older',
  async (t) => {
    const house = await openHouse(t);
    const ann = await house.person('ann', { isAdmin: true });
    house.hub.change();
    house.clock.advance(31_000);
    await house.accounts.setEmail(ann.id, 'ann@new.example.org', { name: 'ann' });
    const stream = await follow(house, ann.cookie);
    await eventually('the person is told of', () => stream.topics().includes('users'));
    t.notOk(stream.topics().includes('health'), 'the hub changed half a minute ago: whoever reads now has read that');
    stream.stop();
  },
);

t.test('many changes at once are told once', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const stream = await follow(house, ann.cookie);
  for (let n = 0; n < 100; n++) house.hub.change();
  await eventually('the tool is told of', () => stream.topics().includes('tiles'));
  t.equal(stream.topics().filter((topic) => topic === 'tiles').length, 1);
  stream.stop();
});

t.test('the event stream ends with the session, with the account, and with the server', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  const bobs = await follow(house, bob.cookie);
  await house.call({ method: 'DELETE', url: `/users/${bob.id}/sessions`, cookie: ann.cookie });
  await eventually('signed out', bobs.isEnded);
  t.ok(bobs.isTold(), 'and told, so that it is not taken for a broken line');

  const again = await house.signIn(bob.id, 'bob');
  const second = await follow(house, again.cookie);
  await house.call({ method: 'PATCH', url: `/users/${bob.id}`, body: { state: 'disabled' }, cookie: ann.cookie });
  await eventually('disabled', second.isEnded);

  const admins = await follow(house, ann.cookie);
  await house.app.close();
  await eventually('closing', admins.isEnded);
  t.notOk(admins.isTold(), 'which is a broken line');
  t.equal(house.live.count(), 0);
});

t.test('one person cannot hold any number of streams', async (t) => {
  const house = await openHouse(t);
  const bob = await house.person('bob');
  const streams = [];
  for (let n = 0; n < 32; n++) streams.push(await follow(house, bob.cookie));
  const refused = await follow(house, bob.cookie);
  t.equal(refused.answer.statusCode, 429);
  for (const stream of [...streams, refused]) stream.stop();
  await eventually('streams that end are forgotten', () => house.live.count() === 0);
  const next = await follow(house, bob.cookie);
  t.equal(next.answer.statusCode, 200);
  next.stop();
});

t.test('a new title is told to who was shown the tile, unless a rule looks at titles', async (t) => {
  const { house, people, toldBy, changeApp } = await openAudience(t);
  const rename = (title: string) => () => house.routes.put({ ...house.routes.find('vault.localhost')!, title });
  t.same(await toldBy(rename('Safe')), { ann: ['tiles vault Safe'], bob: [], carl: [] });
  await house.accounts.setAdmin(people.carl.id, true, { name: 'ann' });
  await toldBy(() => undefined);
  t.same((await toldBy(rename('Strongroom')))['carl'], [], 'the page of carl has not asked for tiles since');
  await house.call({ url: '/tiles', cookie: people.carl.cookie });
  t.same((await toldBy(rename('Bank')))['carl'], ['tiles vault Bank']);
  const both = async (): Promise<void> => {
    await rename('Mint')();
    changeApp('vault');
  };
  t.same((await toldBy(both))['carl'], ['tiles vault'], 'more of it changed: it is to be fetched');
  const again = async (): Promise<void> => {
    changeApp('vault');
    await rename('Cellar')();
  };
  t.same((await toldBy(again))['carl'], ['tiles vault'], 'in whichever order');
  const { looksAt } = house.policy;
  house.policy.looksAt = () => true;
  await house.accounts.setAdmin(people.bob.id, true, { name: 'ann' });
  await toldBy(() => undefined);
  t.same((await toldBy(rename('Till')))['bob'], ['tiles vault'], 'who may open it because of its title now');
  house.policy.looksAt = looksAt;
});

t.test('what makes each page do much work is told to one after the other', async (t) => {
  const listeners = createListeners({ clock: createManualClock(), log: silentLog });
  t.teardown(() => listeners.close());
  const told: string[] = [];
  const turns = new Set<number>();
  let turn = 0;
  const count = () => setImmediate(() => ((turn += 1), told.length < 20 && count()));
  for (let n = 0; n < 20; n++) {
    listeners.add({
      userId: `person${n}`,
      judge: async () => ({ isAdmin: false, mayOpen: () => true, mayList: () => true }),
      tell: () => {
        told.push(`person${n}`);
        turns.add(turn);
      },
      close: () => undefined,
    });
  }
  listeners.note('everyone', { topic: 'health' });
  await eventually('all are there', () => told.length === 20);
  told.length = 0;
  turns.clear();
  listeners.noteInTurns({ topic: 'tiles' });
  count();
  await eventually('all are told', () => new Set(told).size === 20);
  t.ok(turns.size > 10, `in ${turns.size} turns of the event loop`);
});
