import t, { type Test } from 'tap';
import { keepForOwners } from '../../gateway/app/cluster-owners.ts';
import { KnotError, silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';

/** When somebody's namespace is looked at for what is kept in it. */

const by = { name: 'root' };

async function open(t: Test) {
  const { accounts, store } = await openTestFacts(t);
  const person = (username: string) =>
    accounts.createUser({ username, email: `${username}@example.org`, state: 'active' }, by);
  const looked: string[] = [];
  const complaints: string[] = [];
  const state = { leads: true, asked: 0, fault: undefined as Error | undefined };
  let tellGap: (() => void) | undefined;
  const upkeep = keepForOwners({
    accounts,
    store: { onChange: store.onChange, onGap: (listener) => ((tellGap = listener), () => undefined) },
    leads: () => ((state.asked += 1), state.leads),
    async look({ kind, name }) {
      looked.push(`${kind} ${name}`);
      if (state.fault) throw state.fault;
    },
    complaint: 'it could not be written',
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
  return { accounts, person, upkeep, state, complaints, sees, looked, tellGap: () => tellGap!() };
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
