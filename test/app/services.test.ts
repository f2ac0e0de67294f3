import t from 'tap';
import { startServices } from '../../gateway/app/services.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';

t.test('services begin when nothing of an earlier run is in the way any more, and not before', async (t) => {
  const { accounts, store } = await openTestFacts(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  let isEarlierOver = false;
  const services = {
    start: async () => {
      t.ok(isEarlierOver);
      began.resolve();
    },
  };
  startServices(services as never, {
    supervisor: { afterEarlierRun: () => promise } as never,
    accounts,
    store,
    log: silentLog,
  });
  setImmediate(() => {
    isEarlierOver = true;
    resolve();
  });
  await began.promise;
});

t.test('services of a person or team that changed are looked at, at once', async (t) => {
  const { accounts, store } = await openTestFacts(t);
  const seen: string[] = [];
  const services = {
    start: async () => undefined,
    lookAt: async ({ kind, id }: { kind: string; id: string }) => void seen.push(`${kind} ${id}`),
  };
  startServices(services as never, {
    supervisor: { afterEarlierRun: async () => undefined } as never,
    accounts,
    store,
    log: silentLog,
  });
  const by = { name: 'root' };
  const ann = await accounts.createUser({ username: 'ann', email: 'ann@example.org', state: 'active' }, by);
  const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  seen.length = 0;
  await accounts.setState(ann.id, 'disabled', by);
  await accounts.deleteTeam(team.id, by);
  await eventually('both are looked at', () => new Set(seen).size === 2);
  t.strictSame(new Set(seen), new Set([`user ${ann.id}`, `team ${team.id}`]));
});
