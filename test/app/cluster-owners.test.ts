import t, { type Test } from 'tap';
import { keepForOwners } from '../../gateway/app/cluster-owners.ts';
import { KnotError, silentLog } from '../../gateway/lib/index.ts';
import { aWhile, eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';

/** When somebody's namespace is looked at for what is kept in it. */

const by = { name: 'root' };

async function open(t: Test, more: { resyncMs?: number } = {}) {
  const { accounts, store } = await openTestFacts(t);
  const person = (username: string) =>
    accounts.createUser({ username, email: `${username}@example.org`, state: 'active' }, by);
  const looked: string[] = [];
  const complaints: string[] = [];
  const state = { leads: true, asked: 0, fault: undefined as Error | undefined, until: Promise.resolve() };
  const hears = new Set<string>();
  let tellGap: (() => void) | undefined;
  /** As the store does, and it is known who hears. */
  const heard = (of: string, stop: () => void) => (hears.add(of), () => (stop(), void hears.delete(of)));
  const upkeep = keepForOwners({
    accounts,
    store: {
      onChange: (topic, listener) => heard(topic, store.onChange(topic, listener)),
      onGap: (listener) => ((tellGap = listener), heard('gap', () => undefined)),
    },
    leads: () => ((state.asked += 1), state.leads),
    async look({ kind, name }) {
      looked.push(`${kind} ${name}`);
      await state.until;
      if (state.fault) throw state.fault;
    },
    complaint: 'it could not be written',
    ...more,
    log: { ...silentLog, error: (_fields: object, message: string) => void complaints.push(message) },
  });
  t.teardown(upkeep.close);
  const sees = async (...wanted: string[]) => {
    await eventually(
      () => `${wanted.join()}: ${looked.join()}`,
      () => wanted.every((one) => looked.includes(one)),
    );
    t.strictSame([...new Set(looked)].sort(), wanted.sort());
    looked.length = 0;
  };
  return { accounts, person, upkeep, state, complaints, sees, looked, hears, tellGap: () => tellGap!() };
}

t.test('everybody is looked at when it starts, and whoever changes, at once', async (t) => {
  const { accounts, person, upkeep, sees, tellGap } = await open(t);
  const ann = await person('ann');
  const eve = await person('eve');
  await accounts.setState(eve.id, 'disabled', by);
  const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  upkeep.start();
  await sees('user ann', 'team physics');
  await accounts.setState(ann.id, 'disabled', by);
  await accounts.setState(eve.id, 'active', by);
  await sees('user eve');
  await accounts.setMember(team.id, eve.id, 'member', by);
  await sees('team physics', 'user eve');
  tellGap();
  await sees('user eve', 'team physics');
});

t.test('before it starts, and while another gateway leads, nobody is looked at', async (t) => {
  const { accounts, person, upkeep, state, looked, sees, tellGap } = await open(t);
  const ann = await person('ann');
  tellGap();
  state.leads = false;
  upkeep.start();
  await accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  const before = state.asked;
  await accounts.setState(ann.id, 'disabled', by);
  await eventually('it is asked who leads', () => state.asked > before);
  t.strictSame(looked, []);
  state.leads = true;
  await accounts.setState(ann.id, 'active', by);
  await sees('user ann');
});

t.test('a place that is not made yet is waited for; everything else is told', async (t) => {
  for (const [fault, told] of [
    [new KnotError('KNOT_KUBE_NOT_FOUND', 404, 'There is no such namespace.'), []],
    [new KnotError('KNOT_KUBE_REFUSED', 403, 'It may not be written.'), ['it could not be written']],
    [new Error('a fault of ours'), ['it could not be written']],
  ] as const) {
    const { person, upkeep, state, complaints, looked } = await open(t);
    await person('ann');
    state.fault = fault;
    upkeep.start();
    await eventually('a look', () => looked.length > 0);
    await upkeep.close();
    t.strictSame(complaints, told);
  }
});

t.test('what was changed by hand is found by looking again and again', async (t) => {
  const { person, upkeep, looked } = await open(t, { resyncMs: 20 });
  await person('ann');
  upkeep.start();
  await eventually('nobody told of her', () => looked.length > 2);
});

t.test('when it ends it hears of nobody, looks at nobody, and what is under way is over', async (t) => {
  const { accounts, person, upkeep, state, looked, hears } = await open(t, { resyncMs: 5 });
  const ann = await person('ann');
  const { promise, resolve } = Promise.withResolvers<void>();
  state.until = promise;
  upkeep.start();
  await eventually('a look', () => looked.length > 0);
  t.strictSame(hears, new Set(['users', 'teams', 'gap']));
  let isOver = false;
  const closed = upkeep.close().then(() => (isOver = true));
  t.strictSame(hears, new Set());
  await accounts.setState(ann.id, 'disabled', by);
  await accounts.setState(ann.id, 'active', by);
  t.notOk(isOver, 'she is looked at still');
  resolve();
  await closed;
  const { asked } = state;
  await aWhile();
  t.strictSame([looked.length, state.asked], [1, asked]);
});
