import t from 'tap';
import { startServices } from '../../gateway/app/services.ts';
import { silentLog } from '../../gateway/lib/index.ts';
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
