import t, { type Test } from 'tap';
import { createRunning, type StoppableTool } from '../../gateway/api/running.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { openHouse } from './house.ts';

/** A hub in which things of bob and ann run, and that ends them when it is told. */
async function openRunning(t: Test) {
  const house = await openHouse(t);
  const running = new Set(['ann', 'bob']);
  const asked: string[] = [];
  let end = (): Promise<void> => Promise.resolve();
  Object.assign(house.hub, {
    route: { ...house.hub.route, ownedPrefixes: ['/user/'] },
    people: () => [...running],
    async stopOf(username: string) {
      asked.push(username);
      await end();
      running.delete(username);
    },
  });
  const [bob, ann] = [await house.person('bob'), await house.person('ann', { isAdmin: true })];
  const tile = async (cookie: string) =>
    ((await house.call({ url: '/tiles', cookie })).json['tiles'] as Record<string, unknown>[])[0]!;
  const stop = (cookie: string, more: object = {}) =>
    house.call({ method: 'POST', url: '/tiles/jupyterhub/stop', body: {}, cookie, ...more });
  return { house, bob, ann, tile, stop, asked, holds: (until: () => Promise<void>) => void (end = until) };
}

t.test('stopping what runs in a tool ends that of who asks, and is told at once and in the audit', async (t) => {
  const { house, bob, ann, tile, stop, asked } = await openRunning(t);
  t.match(await tile(bob.cookie), { isRunning: true, canStop: true });
  t.match(await stop(bob.cookie), { status: 200, json: { isRunning: false } });
  t.strictSame(asked, ['bob'], 'nobody else’s, whoever asks');
  t.match(await tile(bob.cookie), { isRunning: false }, 'no earlier look is believed');
  t.match(await tile(ann.cookie), { isRunning: true });
  t.match(await stop(ann.cookie), { status: 200 });
  t.strictSame(asked, ['bob', 'ann']);
  const records = await house.audit.list({ action: 'tool.stopped', limit: 10 });
  t.match(records, [
    { actor: 'ann', subject: 'tool:jupyterhub' },
    { actor: 'bob', subject: 'tool:jupyterhub' },
  ]);
});

t.test('while it is being stopped its tile says so', async (t) => {
  const { bob, ann, tile, stop, holds } = await openRunning(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  holds(() => promise);
  const stopped = stop(bob.cookie);
  await eventually('it is being stopped', async () => (await tile(bob.cookie))['isStopping'] === true);
  t.notOk('isStopping' in (await tile(ann.cookie)));
  resolve();
  t.match(await stopped, { status: 200 });
  t.notOk('isStopping' in (await tile(bob.cookie)));
});

t.test('who asks again meanwhile waits for the same end, and both ends are told', async (t) => {
  const { house, bob, asked } = await openRunning(t);
  const running = createRunning({ clock: house.clock, log: silentLog });
  const told: object[] = [];
  running.onChange((change) => told.push(change));
  const person = (await house.accounts.principal(bob.id))!;
  const tool = house.hub as unknown as StoppableTool;
  await Promise.all([running.stop(tool, person), running.stop(tool, person)]);
  t.strictSame(asked, ['bob']);
  const change = { userId: bob.id, tool: 'jupyterhub' };
  t.strictSame(told, [change, change]);
  await running.stop(tool, person);
  t.strictSame(asked, ['bob', 'bob'], 'later is another time');
});

t.test('a tool that does not end it says so, and nothing is taken for stopped', async (t) => {
  const { house, bob, tile, stop, holds } = await openRunning(t);
  holds(() => Promise.reject(new Error('the hub at 127.0.0.1:20001 is gone')));
  const answer = await stop(bob.cookie);
  t.equal(answer.status, 500);
  t.notMatch(answer.text, '127.0.0.1');
  t.match(await tile(bob.cookie), { isRunning: true });
  t.notOk('isStopping' in (await tile(bob.cookie)));
  t.strictSame(await house.audit.list({ action: 'tool.stopped', limit: 10 }), []);
});

t.test('a tool elsewhere is asked beside the page, which is told what was found', async (t) => {
  const { house, bob, tile, stop, asked } = await openRunning(t);
  const questions: string[] = [];
  const answers: ((isRunning: boolean) => void)[] = [];
  Object.assign(house.hub, {
    people: undefined,
    runsFor(username: string) {
      questions.push(username);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      answers.push(resolve);
      return promise;
    },
  });
  const answer = async (isRunning: boolean): Promise<void> => {
    answers.shift()!(isRunning);
    await new Promise(setImmediate);
  };
  t.notOk('isRunning' in (await tile(bob.cookie)), 'it has not answered yet, and nobody waits for it');
  t.notOk('isRunning' in (await tile(bob.cookie)));
  t.strictSame(questions, ['bob'], 'asked once');
  await answer(true);
  t.match(await tile(bob.cookie), { isRunning: true, canStop: true });
  house.clock.advance(2_001);
  t.match(await tile(bob.cookie), { isRunning: true }, 'as it was known, until it answers anew');
  await answer(false);
  t.match(await tile(bob.cookie), { isRunning: false });
  house.clock.advance(2_001);
  await tile(bob.cookie);
  t.match(await stop(bob.cookie), { status: 200 });
  t.strictSame(asked, ['bob']);
  await answer(true);
  t.notOk('isRunning' in (await tile(bob.cookie)), 'what was asked before the stop is not believed after it');
});

t.test('of a tool elsewhere that does not answer nothing is said, and it is asked rarely', async (t) => {
  const { house, bob } = await openRunning(t);
  let questions = 0;
  const tool = {
    ...house.hub,
    people: undefined,
    runsFor: () => ((questions += 1), Promise.reject(new Error('away'))),
  };
  const person = (await house.accounts.principal(bob.id))!;
  const running = createRunning({ clock: house.clock, log: silentLog });
  const told: object[] = [];
  running.onChange((change) => told.push(change));
  const look = async () => {
    const found = running.of(tool as never, person);
    await new Promise(setImmediate);
    return found;
  };
  t.strictSame([await look(), await look()], [{}, {}]);
  house.clock.advance(30_000);
  await look();
  t.equal(questions, 1);
  house.clock.advance(31_000);
  tool.runsFor = () => Promise.resolve(true) as never;
  await look();
  t.strictSame(told, [{ userId: bob.id, tool: 'jupyterhub' }], 'what is found is told once');
  t.strictSame(await look(), { isRunning: true });
});

t.test('what Knot cannot stop is not offered, and cannot be asked for', async (t) => {
  const { house, bob, tile, stop } = await openRunning(t);
  Object.assign(house.hub, { stopOf: undefined });
  t.match(await tile(bob.cookie), { isRunning: true, canStop: false });
  t.match(await stop(bob.cookie), { status: 404, json: { code: 'KNOT_API_NO_STOP' } });
  for (const name of ['echo', 'vault', 'none', '..%2Fme']) {
    const answer = await stop(bob.cookie, { url: `/tiles/${name}/stop` });
    t.match(answer, { status: 404 }, name);
  }
});

t.test('stopping is refused to other sites, and to whom a rule forbids it', async (t) => {
  const { house, bob, ann, tile, stop, asked } = await openRunning(t);
  t.match(await stop(bob.cookie, { headers: { origin: 'https://jupyterhub.localhost:8443', 'sec-fetch-site': '' } }), {
    status: 403,
  });
  t.match(await stop(bob.cookie, { headers: { 'sec-fetch-site': 'same-site' } }), { status: 403 });
  t.match(await stop('__Host-knot=none'), { status: 401 });
  const rule = { rule: 'quiet-hours', effect: 'forbid', file: 'site.cedar', line: 1 } as const;
  const { decide } = house.policy;
  const forbidding: typeof decide = (request) =>
    request.action === 'stop' && request.resource.id === 'jupyterhub/ann'
      ? { effect: 'deny', rules: [rule], policyVersion: '1', reason: 'policy' }
      : decide(request);
  Object.assign(house.policy, { decide: forbidding });
  t.match(await stop(ann.cookie), {
    status: 403,
    json: { code: 'KNOT_API_DENIED', details: { rules: [rule] } },
  });
  t.match(await tile(ann.cookie), { canStop: false });
  t.strictSame(asked, []);
});
