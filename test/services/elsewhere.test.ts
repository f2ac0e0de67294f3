import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';
import { idleEngine } from './idle-engine.ts';
import { openRecords } from './record-house.ts';

/** Several gateways on one store, each with a machine of its own. */

await onBothStores(t, async (t, openDatabase) => {
  await t.test(
    'a gateway of another machine says how it is there, has nothing of it, and lets it be woken',
    async (t) => {
      const { store } = await openDatabase(t);
      const { services: there, make, wanted, owner, house, begun, facts, by } = await openRecords(t, store);
      // It has no room itself, and starts nothing.
      const start = async (): Promise<void> => void t.fail('what another machine runs is begun there');
      const here = make({ machine: 'here', whole: { cpu: 0, memory: 0 }, engine: { ...idleEngine, start } });
      t.teardown(() => here.close());
      await there.start();
      const { id } = await there.launch(wanted('one'), by);
      await here.start();
      const becomes = async (state: string, observed: typeof house.observed) => {
        house.observed = observed;
        await there.lookAt(owner);
        await eventually(state, async () => (await there.find(id))?.state === state);
      };
      const isTold = (status: string) => eventually(status, () => here.tile(id)?.status === status);
      await becomes('ready', { phase: 'running', revision: 1 });
      await isTold('elsewhere');
      t.equal(there.tile(id), undefined);
      t.ok(here.trafficOf(id).isHeld, 'nothing is dialled');
      const service = (await here.find(id))!;
      const elsewhere = { code: 'KNOT_SERVICES_ELSEWHERE' };
      await t.rejects(here.output(service), elsewhere);
      await t.rejects(here.metrics(id, {}), elsewhere);
      const never = (): void => void t.fail('nothing is shown');
      const viewer = { show: never, over: never, drained: never };
      await t.rejects(
        here.terminals.open(service, { userId: 'u', sessionId: 's' }, { columns: 80, rows: 24 }, viewer),
        elsewhere,
      );
      const person = (await facts.accounts.principal(owner.id))!;
      await t.rejects(here.history.upgrade(id, { person, ...by }), elsewhere);

      await store.db.updateTable('services').set({ wish: 'asleep', state: 'stopping' }).where('id', '=', id).execute();
      await becomes('sleeping', { phase: 'absent' });
      await isTold('asleep');
      const before = begun.length;
      here.visited(id, 'bob');
      await eventually('it is begun there', () => begun.length > before);
      const woken = async () => (await there.transitions(id)).find(({ state }) => state === 'waking')?.actor;
      await eventually('who woke it is told', async () => (await woken()) === 'bob');
      await here.act(id, 'stop', by);
      await eventually('it has stopped', async () => (await here.find(id))?.state === 'stopped');
      await isTold('off');
      await here.act(id, 'remove', by);
      await eventually('nothing is known of it', () => here.tile(id) === undefined);

      // Known from the start, also of those that nothing happens to.
      await there.launch(wanted('two'), by);
      const late = make({ machine: 'late' });
      t.teardown(() => late.close());
      await late.start();
      t.match(late.tile((await there.of([owner]))[0]!.id), { status: /./ });
    },
  );
});
