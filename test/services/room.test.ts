import fc from 'fast-check';
import t, { type Test } from 'tap';
import { createManualClock, silentLog, type JsonObject, type JsonSchema } from '../../gateway/lib/index.ts';
import { createServices, type NewService, type OwnerLimits, type Size } from '../../gateway/services/index.ts';
import { chooseSize } from '../../gateway/services/sizes.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { onBothStores } from '../support/house/stores.ts';
import { idleEngine, plainTemplate } from './idle-engine.ts';
import type { Store } from '../../gateway/store/index.ts';

/** What owners may begin: what is asked and what is done never differ, and nobody gets more than there is. */

const GiB = 1024 ** 3;
const sizes: Size[] = [
  { name: 'small', title: 'Small', cpu: 1, memory: GiB },
  { name: 'medium', title: 'Medium', cpu: 2, memory: 4 * GiB },
  { name: 'large', title: 'Large', cpu: 4, memory: 16 * GiB },
];
const schema = {
  properties: {
    a: { not: { const: 'bad' } },
    options: { properties: { size: { type: 'string', 'x-knot': { from: 'sizes' } } } },
  },
};

const refusal = (message: RegExp) => ({
  code: 'KNOT_SERVICES_REFUSED',
  details: { problems: [{ field: 'values/options/size', message }] },
});

async function open(t: Test, store: Store) {
  const clock = createManualClock();
  const facts = await openTestFacts(t, { clock, log: silentLog, store });
  const person = async (username: string) => {
    const email = `${username}@example.org`;
    const { id } = await facts.accounts.createUser({ username, email, state: 'active' }, { name: 'test' });
    return { kind: 'user' as const, id, name: username };
  };
  const [ann, bob] = [await person('ann'), await person('bob')];
  /** As a test makes them. */
  const now = { limits: {} as OwnerLimits, missing: [] as { what: string; remedy: string }[], memory: 0 };
  const whole = { cpu: 1000, memory: 1000 * GiB };
  const make = () =>
    createServices({
      store,
      engine: { ...idleEngine, missing: async () => now.missing },
      templates: {
        find: async (id) =>
          id === 'web'
            ? {
                ...plainTemplate,
                schema,
                plan: { ...plainTemplate.plan, memory: now.memory === 0 ? undefined : now.memory },
              }
            : undefined,
      },
      routes: { put: async () => undefined, remove: async () => undefined, isTaken: (label) => label === 'app-ann' },
      isActive: async () => true,
      record: facts.audit.record,
      ...{ machine: 'm', metricsFolder: t.testdir(), clock, log: silentLog },
      ...{ sizes, whole, limitsOf: async () => now.limits, idleSecondsOf: async () => [] },
    });
  const services = make();
  t.teardown(() => services.close());
  const wanted = (name: string, size = '', owner = ann, more: JsonObject = {}): NewService => ({
    ...{ template: 'web', name, owner },
    values: { options: { size }, ...more },
  });
  const by = { actor: 'ann' };
  return { services, make, now, whole, wanted, ann, bob, by };
}

await onBothStores(t, async (t, openDatabase) => {
  await t.test('what would start starts, and what would not does not, whatever is asked for', async (t) => {
    const { store } = await openDatabase(t);
    const { services, now, wanted, ann, bob, by, whole } = await open(t, store);
    const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
      fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });
    const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
    let [accepted, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          name: mostly(
            fc.constant('new'),
            fc.oneof(fc.constantFrom('app', 'a', 'X', '', 'a--b'), fc.string({ maxLength: 40 })),
          ),
          size: mostly(fc.constantFrom('', 'small', 'medium', 'large'), fc.constantFrom('huge', '__proto__')),
          template: mostly(fc.constant('web'), fc.constant('none')),
          owner: fc.constantFrom(ann, bob),
          a: mostly(fc.constant('good'), fc.constant('bad')),
          memory: mostly(fc.constant(0), fc.constantFrom(GiB, 3 * GiB, 99 * GiB)),
          isMissing: mostly(fc.constant(false), fc.constant(true)),
          limits: fc.record({
            services: maybe(fc.integer({ min: 0, max: 30 })),
            cpu: maybe(fc.double({ min: 0.5, max: 60, noNaN: true })),
            memory: maybe(fc.integer({ min: GiB, max: 90 * GiB })),
          }),
          whole: fc.integer({ min: 1, max: 200 }),
          isEnded: fc.boolean(),
        }),
        async ({ name, size, template, owner, a, memory, isMissing, limits, whole: most, isEnded }) => {
          now.memory = memory;
          now.missing = isMissing ? [{ what: 'There is no x.', remedy: 'Get one.' }] : [];
          now.limits = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
          whole.memory = most * GiB;
          const request = { ...wanted(name === 'new' ? `n${accepted}` : name, size, owner, { a }), template };
          const obstacles = await services.check(request);
          const launched = await services.launch(request, by).then(
            (service) => ({ service }),
            (error: { code?: string; details?: { problems?: unknown } }) => ({ error }),
          );
          if ('service' in launched) {
            accepted += 1;
            if (obstacles.length > 0) throw new Error(`launched against ${JSON.stringify(obstacles)}`);
            if (isEnded)
              await store.db
                .updateTable('services')
                .set({ state: 'stopped' })
                .where('id', '=', launched.service.id)
                .execute();
          } else {
            refused += 1;
            if (obstacles.length === 0) throw new Error(`refused without obstacle: ${JSON.stringify(launched.error)}`);
            const { code, details } = launched.error;
            if (code !== 'KNOT_SERVICES_REFUSED' || JSON.stringify(details?.problems) !== JSON.stringify(obstacles))
              throw new Error(`${JSON.stringify(launched.error)} is not ${JSON.stringify(obstacles)}`);
          }
        },
      ),
      { numRuns: 80 },
    );
    t.ok(accepted > 3 && refused > 10, `${accepted} accepted, ${refused} refused`);
  });

  await t.test('of many who begin at one moment as many find room as there is, on every gateway', async (t) => {
    const { store } = await openDatabase(t);
    const { services, make, now, whole, wanted, ann, bob, by } = await open(t, store);
    const other = make();
    t.teardown(() => other.close());
    const launch = (prefix: string, owner = ann) =>
      Promise.allSettled(
        Array.from({ length: 8 }, (_, at) =>
          (at % 2 === 0 ? services : other).launch(wanted(`${prefix}${at}`, 'small', owner), by),
        ),
      );
    const begun = (results: PromiseSettledResult<unknown>[]) =>
      results.filter(({ status }) => status === 'fulfilled').length;
    now.limits = { services: 3 };
    t.equal(begun(await launch('count')), 3);
    now.limits = { cpu: 4.5 };
    t.equal(begun(await launch('cpu')), 1, 'what runs counts');
    now.limits = { memory: 6 * GiB };
    t.equal(begun(await launch('memory')), 2);
    whole.memory = 9 * GiB;
    now.limits = {};
    const results = await launch('machine', bob);
    t.equal(begun(results), 3, 'those of others count on the machine');
    t.match(
      results.find(({ status }) => status === 'rejected'),
      { reason: { details: { problems: [{ field: 'values/options/size', message: /no room/ }] } } },
    );
    t.strictSame((await services.room(ann)).held, { services: 6, cpu: 6, memory: 6 * GiB });
    t.strictSame(
      await services.held(),
      new Map([
        [ann.id, { services: 6, cpu: 6, memory: 6 * GiB }],
        [bob.id, { services: 3, cpu: 3, memory: 3 * GiB }],
      ]),
    );
  });

  await t.test(
    'what sleeps, is stopped or has failed holds nothing, and finds room when it is begun again',
    async (t) => {
      const { store } = await openDatabase(t);
      const { services, now, wanted, by, ann } = await open(t, store);
      now.limits = { services: 1, cpu: 2 };
      const one = await services.launch(wanted('one', 'small'), by);
      t.match(await services.check(wanted('two', 'small')), [
        { field: 'owner', message: /allows 1 at once/, remedy: /Stop one that runs: one/ },
      ]);
      await store.db.updateTable('services').set({ state: 'failed' }).where('id', '=', one.id).execute();
      t.equal((await services.of([ann])).length, 1, 'it is listed, so that it can be removed');
      const two = await services.launch(wanted('two', 'small'), by);
      const full = { code: 'KNOT_SERVICES_REFUSED', details: { problems: [{ field: 'owner' }] } };
      await t.rejects(services.act(one.id, 'start', by), full);
      t.match(await services.find(one.id), { state: 'failed' }, 'and stays as it was');
      for (const state of ['sleeping', 'stopped']) {
        const wish = state === 'sleeping' ? 'asleep' : 'stopped';
        await store.db.updateTable('services').set({ state, wish }).where('id', '=', two.id).execute();
        t.equal((await services.room(ann)).held.services, 0, state);
      }
      await services.act(one.id, 'start', by);
      await t.rejects(services.act(two.id, 'start', by), full);

      // A larger size needs room as well; a plan that became smaller takes nothing from what runs.
      now.limits = { cpu: 2 };
      await services.history.change(one.id, { options: { size: 'medium' } }, by);
      t.match(await services.find(one.id), { size: { name: 'medium' } });
      await t.rejects(services.history.change(one.id, { options: { size: 'large' } }, by), {
        ...refusal(/2 processors[^]*Large takes 4/),
      });
      now.limits = { cpu: 1 };
      await services.history.change(one.id, { options: { size: 'medium' }, b: 1 }, by);
      t.match(await services.find(one.id), { size: { name: 'medium' }, values: { b: 1 } });
      await t.rejects(services.history.change(one.id, { options: { size: 'none' } }, by), {
        ...refusal(/no such size/),
      });
    },
  );
});

t.test('the size is what the values name, else the smallest in which the template fits', async (t) => {
  const choose = (size: string | undefined, memory?: number, from: JsonObject = schema) =>
    chooseSize(sizes, { schema: from, memory, values: size === undefined ? {} : { options: { size } } });
  const field = 'values/options/size';
  t.match(choose('medium'), { size: { name: 'medium' }, field });
  t.match(choose(''), { size: { name: 'small' }, field });
  t.match(choose(undefined, 2 * GiB), { size: { name: 'medium' }, field });
  t.match(choose('small', 2 * GiB), { obstacle: { field, message: /too little memory/ } });
  t.match(choose('nothing'), { obstacle: { field, message: /no such size/, remedy: /small, medium, large/ } });
  t.match(choose('large', 99 * GiB, {}), { obstacle: { field: 'template', message: /more memory than any/ } });
  t.match(choose('large', GiB, {}), { size: { name: 'small' }, field: 'template' }, 'a value that means another thing');
  const odd = { properties: { 'a/b~c': { 'x-knot': { from: 'sizes' } } } };
  t.match(chooseSize(sizes, { schema: odd, memory: undefined, values: { 'a/b~c': 'x' } }), {
    obstacle: { field: 'values/a~1b~0c' },
  });
});

t.test('the size is chosen where the form has it, however the schema says so', async (t) => {
  const size = { type: 'string', 'x-knot': { from: 'sizes' } };
  const options = { properties: { size } };
  const schemas: Record<string, JsonSchema> = {
    'a reference': { properties: { options: { properties: { size: { $ref: '#/$defs/size' } } } } },
    'a reference to the section': { properties: { options: { $ref: '#/$defs/options' } } },
    'a hint beside a reference': {
      properties: { options: { properties: { size: { $ref: '#/$defs/text', 'x-knot': { from: 'sizes' } } } } },
    },
    'all of': { allOf: [{ properties: { options } }] },
    'one of': { properties: { options: { oneOf: [{ properties: { other: {} } }, options] } } },
    'a branch': { if: {}, then: { properties: { options } } },
    'beside another one': { dependentSchemas: { options: { properties: { options } } } },
    'the second of two': { properties: { extra: { properties: { size } }, options } },
  };
  for (const [how, schema] of Object.entries(schemas)) {
    const whole = { ...schema, $defs: { size, options, text: { type: 'string' } } };
    const chosen = (name: string) =>
      chooseSize(sizes, { schema: whole, memory: undefined, values: { options: { size: name } } });
    t.match(chosen('large'), { size: { name: 'large' }, field: 'values/options/size' }, how);
    t.match(chosen('huge'), { obstacle: { field: 'values/options/size' } }, how);
  }
  t.match(
    chooseSize(sizes, { schema: { $defs: { size }, properties: {} }, memory: undefined, values: { size: 'large' } }),
    { size: { name: 'small' }, field: 'template' },
    'what nothing refers to is no part of the form',
  );
});
