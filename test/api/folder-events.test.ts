import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Change } from '../../gateway/api/contract.ts';
import { eventually } from '../support/eventually.ts';
import { follow } from './event-stream.ts';
import { openHouse } from './house.ts';

/** Events about files: told to whoever has the folder on a page, and to nobody else (decision 0048). */

/** Bob, dora and an administrator in a house with files; `look` opens a page of a folder as its page does. */
async function openOnlookers(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  const people = {
    bob: await house.person('bob'),
    dora: await house.person('dora'),
    ann: await house.person('ann', { isAdmin: true }),
  };
  const { id: team } = await house.accounts.createTeam({ name: 'optics', title: 'Optics' }, { name: 'ann' });
  for (const name of ['bob', 'dora'] as const)
    await house.accounts.setMember(team, people[name].id, 'member', { name: 'ann' });
  house.clock.advance(31_000);
  const streams = {
    bob: await follow(house, people.bob.cookie),
    dora: await follow(house, people.dora.cookie),
    ann: await follow(house, people.ann.cookie),
  };
  t.teardown(() => Object.values(streams).forEach(({ stop }) => stop()));
  const look = async (name: keyof typeof people, url: string) =>
    t.match(await house.call({ url: `/files/${url}`, cookie: people[name].cookie }), { status: 200 }, url);
  const folder = join(house.folderOfFiles, 'team', team);
  mkdirSync(folder, { recursive: true });
  const isTold = (name: keyof typeof people, topic: string, id: string) =>
    eventually(
      () => `${name}: ${topic} ${id}, but ${JSON.stringify(streams[name].told)}`,
      () => streams[name].told.some((change) => change.topic === topic && change.id === id),
    );
  return { ...house, house, people, streams, look, folder, team, isTold };
}

const filesIn = (told: readonly Change[]) => told.filter(({ topic }) => topic === 'files').map(({ id }) => id);

t.test(
  'a change in a folder is told to who looks at it, under the address they used, and to nobody else',
  async (t) => {
    const { look, folder, people, streams, isTold, call, accounts, team } = await openOnlookers(t);
    mkdirSync(join(folder, 'run 7'));
    await look('bob', 'team:optics/run%207?sort=-modified&page=1');
    await look('bob', 'team%3Aoptics/run%207/');
    await look('dora', 'team:optics');
    writeFileSync(join(folder, 'run 7', 'made-by-a-notebook'), 'x');
    await isTold('bob', 'files', 'team:optics/run%207');
    await isTold('bob', 'files', 'team%3Aoptics/run%207');
    await call({ method: 'POST', url: '/files/team:optics/new?op=mkdir', body: {}, cookie: people.bob.cookie });
    await isTold('dora', 'files', 'team:optics');
    t.same(filesIn(streams.ann.told), [], 'administrators do not look at it');
    t.notOk(filesIn(streams.dora.told).includes('team:optics/run%207'), 'nor does who looks at another folder');

    // One leaves the team: the other one hears, and so it can be known what the first did not.
    await look('dora', 'team:optics/run%207');
    await accounts.removeMember(team, people.bob.id, { name: 'ann' });
    streams.bob.told.length = 0;
    writeFileSync(join(folder, 'run 7', 'later'), 'x');
    await isTold('dora', 'files', 'team:optics/run%207');
    await look('bob', 'private');
    mkdirSync(join(folder, '..', '..', 'private', people.bob.id), { recursive: true });
    await call({ method: 'POST', url: '/files/private/mark?op=mkdir', body: {}, cookie: people.bob.cookie });
    await isTold('bob', 'files', 'private');
    t.same([...new Set(filesIn(streams.bob.told))], ['private'], 'who left is told nothing more');
  },
);

t.test('how full an area is, is told to who looks at it', async (t) => {
  const { people, streams, isTold, call } = await openOnlookers(t);
  for (const name of ['bob', 'dora'] as const) await call({ url: '/areas', cookie: people[name].cookie });
  await call({
    ...{ method: 'PUT', url: '/files/team:optics/f', body: 'text', cookie: people.bob.cookie },
    headers: { 'content-type': 'text/plain' },
  });
  await isTold('bob', 'areas', 'team:optics');
  await isTold('dora', 'areas', 'team:optics');
  t.notOk(streams.ann.topics().includes('areas'));
});

t.test('a program with a token looks at nothing, and a page is told as long as it listens', async (t) => {
  const { house, people, streams, look, isTold, call, tokens } = await openOnlookers(t);
  const { secret } = await tokens.create(
    { userId: people.bob.id, name: 'script', scopes: ['files:read', 'files:write'], days: 1 },
    { actor: 'bob' },
  );
  const headers = { authorization: `Bearer ${secret}`, 'sec-fetch-site': '', origin: '' };
  t.match(await call({ url: '/files/team:optics', headers }), { status: 200 });
  const make = (name: string) => call({ method: 'POST', url: `/files/${name}?op=mkdir`, body: {}, headers });
  t.match(await make('team:optics/one'), { status: 201 });
  await look('bob', 'private');
  t.match(await make('private/one'), { status: 201 });
  await isTold('bob', 'files', 'private');
  t.same([...new Set(filesIn(streams.bob.told))], ['private']);
  streams.bob.stop();
  await eventually('bob listens no more', () => house.live.count() === 2);
  await make('private/two');
  const again = await follow(house, people.bob.cookie);
  t.teardown(again.stop);
  await eventually('who comes back is told what was meanwhile', () => filesIn(again.told).includes('private'));
});
