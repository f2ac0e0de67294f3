import t, { type Test } from 'tap';
import { diskFolder } from '../../gateway/catalogue/index.ts';
import { createManualClock, silentLog, type JsonObject } from '../../gateway/lib/index.ts';
import { createServices, type Engine, type NewService } from '../../gateway/services/index.ts';
import type { LaunchableTemplate } from '../../gateway/services/template.ts';
import { eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { onBothStores } from '../support/house/stores.ts';
import type { Store } from '../../gateway/store/index.ts';

/** Records of services on both stores, with an engine that runs nothing. */
t.setTimeout(600_000);

const template: LaunchableTemplate = {
  id: 'web',
  name: 'web',
  title: 'Web',
  version: '1.0.0',
  schema: {},
  defaults: { a: 1 },
  plan: {
    command: ['x'],
    environment: {},
    listen: { kind: 'port', port: 8000 },
    ready: '/',
    startSeconds: 1,
    memory: undefined,
    needs: { executables: [], python: [] },
    files: [],
    network: { hosts: [] },
  },
  folder: diskFolder('/nowhere'),
};

async function open(t: Test, store: Store) {
  const clock = createManualClock();
  const facts = await openTestFacts(t, { clock, log: silentLog, store });
  const { accounts } = facts;
  const ann = await accounts.createUser(
    { username: 'ann', email: 'ann@example.org', state: 'active' },
    { name: 'test' },
  );
  const begun: string[] = [];
  const engine: Engine = {
    tidy: async () => undefined,
    close: async () => undefined,
    missing: async () => [],
    keep: async () => 'digest',
    start: async ({ id }) => void begun.push(id),
    stop: async () => undefined,
    remove: async () => undefined,
    observe: () => ({ phase: 'absent' }),
    steps: () => [],
    socketOf: () => '/run/x.sock',
    output: () => Promise.reject(new Error('nothing runs')),
    usages: async () => new Map(),
    onChange: () => () => undefined,
  };
  const routes = {
    put: async () => undefined,
    remove: async () => undefined,
    isTaken: (label: string) => label === 'app-ann',
  };
  const make = () =>
    createServices({
      ...{ store, engine, routes, clock, log: silentLog },
      machine: 'm',
      metricsFolder: t.testdir(),
      templates: {
        find: async (id) => (id === 'web' ? template : undefined),
        check: (_schema, { a }) => (a === 'bad' ? [{ pointer: '/a', message: 'is bad' }] : []),
        withDefaults: (defaults, given) => ({ ...defaults, ...given }),
      },
      isActive: async () => true,
      record: facts.audit.record,
    });
  const services = make();
  t.teardown(() => services.close());
  const owner = { kind: 'user' as const, id: ann.id, name: 'ann' };
  const wanted = (name: string, values: JsonObject = {}): NewService => ({ template: 'web', name, owner, values });
  return { begun, services, make, wanted, owner, by: { actor: 'ann' }, facts };
}

await onBothStores(t, async (t, openDatabase) => {
  await t.test('T9 of two who want one name at one moment one has it, and the other is told', async (t) => {
    const { store } = await openDatabase(t);
    const { services, make, wanted, by } = await open(t, store);
    const other = make();
    t.teardown(() => other.close());
    const results = await Promise.allSettled([
      services.launch(wanted('same'), by),
      other.launch(wanted('same'), by),
      services.launch(wanted('same'), by),
    ]);
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results)
      if (result.status === 'rejected')
        t.match(result.reason, {
          code: 'KNOT_SERVICES_REFUSED',
          details: { problems: [{ field: 'name', message: /taken/ }] },
        });
  });

  await t.test('names, templates and values that cannot be are told together, by field', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, by } = await open(t, store);
    for (const name of ['A', '1a', 'a-', '-a', 'a--b', 'a_b', 'a.b', 'xn--a', 'ä', 'a'.repeat(33), 'a\n'])
      t.match(await services.check(wanted(name)), [{ field: 'name' }], JSON.stringify(name));
    t.match(
      await services.check(wanted('app')),
      [{ field: 'name', message: /taken/ }],
      'an application has the address',
    );
    t.match(await services.check({ ...wanted('1', { a: 'bad' }), template: 'web' }), [
      { field: 'name' },
      { field: 'values/a' },
    ]);
    t.match(await services.check({ ...wanted('x'), template: 'none' }), [{ field: 'template' }]);
    await t.rejects(services.launch(wanted('x', { a: 'bad' }), by), { code: 'KNOT_SERVICES_REFUSED' });
    t.strictSame(await services.check(wanted('a-b-9')), []);
  });

  await t.test('nothing is begun before the start, and then what is wanted is', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, by, begun } = await open(t, store);
    const { id } = await services.launch(wanted('one'), by);
    await services.act(id, 'stop', by);
    await services.act(id, 'start', by);
    t.match(await services.find(id), { state: 'requested' });
    t.strictSame(begun, []);
    await services.start();
    await eventually('it is begun', async () => begun.includes(id));
  });

  await t.test('the last wish is what is wanted, and whoever acted on an older picture is told', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, owner, by, facts } = await open(t, store);
    const { id } = await services.launch(wanted('one'), by);
    t.equal((await services.find(id))?.values['a'], 1, 'the defaults are kept with it');
    t.strictSame(
      (await services.all()).map((service) => service.id),
      [id],
    );
    await services.act(id, 'stop', by);
    t.match(await services.act(id, 'start', { actor: 'bob' }), { wish: 'running', revision: 2, state: 'requested' });
    t.match(await services.act(id, 'start', by), { revision: 2 }, 'pressed twice is pressed once');
    t.match(await services.change(id, { a: 2 }, by), { revision: 3, values: { a: 2 } });
    await t.rejects(services.change(id, { a: 'bad' }, by), { code: 'KNOT_SERVICES_REFUSED' });
    await t.rejects(services.act('none', 'stop', by), { code: 'KNOT_SERVICES_NONE' });
    t.strictSame(
      (await services.transitions(id)).map(({ actor }) => actor).filter((actor) => actor !== 'system'),
      ['ann', 'bob', 'ann'],
    );
    t.equal((await services.of([owner])).length, 1);
    t.strictSame(await services.of([{ kind: 'team', id: owner.id }]), []);
    await services.act(id, 'remove', by);
    await t.rejects(
      services.act(id, 'start', by),
      { code: 'KNOT_SERVICES_NONE' },
      'what is being removed is not started',
    );
    // An owner who is deleted takes the wish with them.
    const { id: second } = await services.launch(wanted('two'), by);
    await facts.accounts.createUser(
      { username: 'eve', email: 'eve@example.org', isAdmin: true, state: 'active' },
      { name: 'test' },
    );
    await facts.accounts.deleteUser(owner.id, { name: 'eve' });
    t.match(await services.find(second), { wish: 'removed' });
  });
});
