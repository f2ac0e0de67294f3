import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createServices, type Engine, type Service, type Services } from '../../gateway/services/index.ts';
import type { Store } from '../../gateway/store/index.ts';
import { eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { onBothStores } from '../support/house/stores.ts';
import { idleEngine, plainTemplate } from './idle-engine.ts';

/**
 * A gateway that is killed at each await of what it does to a store, an engine and the table of routes. Whoever begins after it, with
 * nothing that runs, makes of what was left what was wanted. Inside a transaction the store itself is the test (test/store).
 */

/** Calls after which a gateway is dead: it hears no answer any more, and does nothing further. */
function createDeath(calls: number) {
  let left = calls;
  const never = new Promise<never>(() => undefined);
  const step = (): Promise<void> => {
    if (left > 0) left -= 1;
    return left === 0 ? never : Promise.resolve();
  };
  return {
    isDead: () => left === 0,
    /** It dies before the call, or after what the call did. */
    mortal:
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        await step();
        const result = await call(...args);
        await step();
        return result;
      },
  };
}

/** What runs on one machine; it ends with its gateway. */
function createPrograms() {
  const running = new Map<string, number>();
  const listeners = new Set<(id: string) => void>();
  const tell = (id: string): void => listeners.forEach((listener) => listener(id));
  const engine: Engine = {
    ...idleEngine,
    async start({ id, revision }) {
      running.set(id, revision);
      tell(id);
    },
    async stop({ id }) {
      if (running.delete(id)) tell(id);
    },
    observe({ id }) {
      const revision = running.get(id);
      return revision === undefined ? { phase: 'absent' } : { phase: 'running', revision };
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return { engine, running };
}

type Acts = readonly ('launch' | 'change' | 'stop' | 'start' | 'remove')[];
const life: Acts = ['launch', 'change', 'stop', 'start', 'remove'];

async function open(t: Test, store: Store) {
  const facts = await openTestFacts(t, { clock: systemClock, log: silentLog, store });
  const ann = await facts.accounts.createUser(
    { username: 'ann', email: 'ann@example.org', state: 'active' },
    { name: 'test' },
  );
  const routes = new Set<string>();
  const make = (machine: string, death = createDeath(-1)) => {
    const { engine, running } = createPrograms();
    const { mortal } = death;
    const stops: (() => void)[] = [];
    const services = createServices({
      // Only what is called of it by name is wrapped; the rest is the store itself.
      store: Object.assign(Object.create(store) as Store, {
        transaction: <T>(work: Parameters<typeof store.transaction<T>>[0]): Promise<T> =>
          mortal(() => store.transaction(work))(),
        onChange(...args: Parameters<Store['onChange']>) {
          const stop = store.onChange(...args);
          stops.push(stop);
          return stop;
        },
      }),
      engine: { ...engine, start: mortal(engine.start), stop: mortal(engine.stop), remove: mortal(engine.remove) },
      templates: { find: async () => plainTemplate },
      routes: {
        put: mortal(async ({ label }: Service) => void routes.add(label)),
        remove: mortal(async ({ label }: Service) => void routes.delete(label)),
        isTaken: (label) => routes.has(label),
      },
      isActive: async () => true,
      record: facts.audit.record,
      ...{ machine, metricsFolder: t.testdir(), clock: systemClock, log: silentLog },
      sizes: [{ name: 'small', title: 'Small', cpu: 1, memory: 1024 }],
      ...{ whole: { cpu: 1000, memory: 1e9 }, limitsOf: async () => ({}), idleSecondsOf: async () => [] },
    });
    /** The store tells a dead one nothing. */
    const forget = (): void => stops.forEach((stop) => stop());
    return { services, running, forget };
  };
  return { make, routes, owner: { kind: 'user' as const, id: ann.id, name: 'ann' } };
}

const by = { actor: 'ann' };

await onBothStores(t, async (t, openDatabase) => {
  await t.test('killed at each await of its life, a service becomes what was wanted of it last', async (t) => {
    const { store } = await openDatabase(t);
    const { make, routes, owner } = await open(t, store);
    // On the same store, on another machine, all the time.
    const beside = make('other');
    await beside.services.start();
    t.teardown(() => beside.services.close());

    // What differs between the stores is inside transactions: on the slower one each sixth await will do.
    const stride = store.kind === 'sqlite' ? 1 : 6;
    for (let calls = 1, isOver = false; !isOver; calls += stride) {
      const name = `s${calls}`;
      const death = createDeath(calls);
      const killed = make('m', death);
      const answered: string[] = [];
      let asked = '';
      let hasLived = false;
      const live = async (): Promise<void> => {
        await killed.services.start();
        let id = '';
        for (const act of life) {
          asked = act;
          if (act === 'launch')
            ({ id } = await killed.services.launch({ template: 'web', name, owner, values: {} }, by));
          else if (act === 'change') await killed.services.history.change(id, { a: 2 }, by);
          else await killed.services.act(id, act, by);
          answered.push(act);
          await settled(killed.services, id, death.isDead);
          if (death.isDead()) return;
        }
        hasLived = true;
      };
      void live();
      await eventually('it is dead, or was never killed', () => death.isDead() || hasLived);
      isOver = !death.isDead();
      killed.forget();

      const next = make('m');
      await next.services.start();
      const found = () => services(store, name);
      const last = answered.at(-1);
      await eventually(
        () => `after ${calls} calls it is settled: ${JSON.stringify([asked, answered])}`,
        async () => {
          const service = await found();
          if (service === undefined) return next.running.size === 0 && !routes.has(`${name}-ann`);
          const isRunning = next.running.get(service.id) === service.revision;
          if (service.wish === 'running') return service.state === 'ready' && isRunning && routes.has(`${name}-ann`);
          return service.wish === 'stopped' && service.state === 'stopped' && !isRunning;
        },
      );
      const service = await found();
      const wishes = { launch: 'running', change: 'running', stop: 'stopped', start: 'running', remove: undefined };
      const possible = [last, asked].map((act) => (act ? wishes[act as keyof typeof wishes] : undefined));
      t.ok(possible.includes(service?.wish), `killed after ${calls} calls in ${asked}: ${service?.wish}`);
      if (answered.includes('change') && service) t.equal(service.values['a'], 2, 'what was answered is kept');
      t.equal(beside.running.size, 0, 'the other machine runs nothing of it');
      if (service) await next.services.act(service.id, 'remove', by);
      await eventually('it is gone', async () => (await found()) === undefined);
      await next.services.close();
      if (calls > 200) return t.fail('the life never ends');
    }
  });
});

async function services(store: Store, name: string) {
  const row = await store.db.selectFrom('services').selectAll().where('name', '=', name).executeTakeFirst();
  return row && { ...row, values: JSON.parse(row.service_values) as Record<string, unknown> };
}

/** Until what was asked for is so, or nobody is there to do it. */
async function settled(one: Services, id: string, isDead: () => boolean): Promise<void> {
  await eventually('it settles', async () => {
    if (isDead()) return true;
    const service = await one.find(id);
    return service === undefined || service.state === (service.wish === 'running' ? 'ready' : 'stopped');
  });
}
