import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';
import { idleEngine, plainTemplate as first } from './idle-engine.ts';
import type { Store } from '../../gateway/store/index.ts';
import { openRecords } from './record-house.ts';

/** Records of services on both stores, with an engine that runs nothing. */

await onBothStores(t, async (t, openDatabase) => {
  await t.test('T9 of two who want one name at one moment one has it, and the other is told', async (t) => {
    const { store } = await openDatabase(t);
    const { services, make, wanted, by } = await openRecords(t, store);
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

  await t.test('one that sleeps is woken by who rings for it, one that was stopped by nobody', async (t) => {
    const { store } = await openDatabase(t);
    const { make, wanted, house, by } = await openRecords(t, store);
    let ring = (_id: string): void => undefined;
    const rests: boolean[] = [];
    const services = make({
      engine: {
        ...idleEngine,
        observe: () => house.observed,
        stop: async () => void (house.observed = { phase: 'absent' }),
        rest: async (_service, isAsleep) => void rests.push(isAsleep),
        onRing: (listener) => ((ring = listener), () => undefined),
      },
    });
    t.teardown(() => services.close());
    await services.start();
    const { id } = await services.launch(wanted('db'), by);
    const becomes = (state: string) =>
      eventually(state, async () => (await services.find(id))?.state === state).then(() => services.find(id));
    house.observed = { phase: 'running', revision: 1 };
    await services.lookAt(wanted('db').owner);
    await becomes('ready');
    // Used last long ago: that is not to put it to sleep again as soon as it is awake.
    const asleep = { wish: 'asleep', state: 'stopping', last_used_at: 1 };
    await store.db.updateTable('services').set(asleep).where('id', '=', id).execute();
    await services.lookAt(wanted('db').owner);
    await becomes('sleeping');
    await eventually('it may be rung for', () => rests.at(-1) === true);
    ring(id);
    const woken = await becomes('waking');
    t.match(woken, { wish: 'running', revision: 2 });
    t.notOk('lastUsedAt' in woken!);
    await services.act(id, 'stop', by);
    await becomes('stopped');
    await eventually('it is not any more', () => rests.at(-1) === false);
    ring(id);
    await services.lookAt(wanted('db').owner);
    t.match(await services.find(id), { wish: 'stopped' });
  });

  await t.test('names, templates and values that cannot be are told together, by field', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, by } = await openRecords(t, store);
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
    const { services, wanted, by, begun } = await openRecords(t, store);
    const { id } = await services.launch(wanted('one'), by);
    await services.act(id, 'stop', by);
    await services.act(id, 'start', by);
    t.match(await services.find(id), { state: 'requested' });
    t.strictSame(begun, []);
    await services.start();
    await eventually('it is begun', async () => begun.includes(id));
  });

  await t.test('of several gateways one acts, and who takes over does at once what waits', async (t) => {
    const { store } = await openDatabase(t);
    const { make, wanted, by, begun } = await openRecords(t, store);
    let isLeader = false;
    let begin = (): void => undefined;
    const services = make({ replicas: { leads: () => isLeader, onLead: (hear) => void (begin = hear) } });
    t.teardown(() => services.close());
    await services.start();
    const { id } = await services.launch(wanted('one'), by);
    await eventually('it is known', async () => services.tile(id));
    t.strictSame(begun, []);
    isLeader = true;
    begin();
    await eventually('it is begun', async () => begun.includes(id));
  });

  await t.test('what was wrong the last time is not told of a new start', async (t) => {
    const { store } = await openDatabase(t);
    const { services, house, wanted, by } = await openRecords(t, store);
    const { id } = await services.launch(wanted('one'), by);
    house.starts = false;
    await services.start();
    await eventually('it is given up', async () => (await services.find(id))?.state === 'failed');
    t.match(await services.find(id), { cause: { code: 'not-begun' } });
    house.starts = true;
    const begun = await services.act(id, 'start', by);
    t.equal(begun.state, 'requested');
    t.notOk('cause' in begun);
  });

  await t.test('whatever holds anything is listed and can be removed; what was refused leaves nothing', async (t) => {
    const { store } = await openDatabase(t);
    const { make, house, wanted, owner, by } = await openRecords(t, store);
    const limits = { services: 1 };
    const services = make({ limitsOf: async () => limits });
    t.teardown(() => services.close());
    const listed = async () => (await services.of([owner])).map(({ name, state }) => [name, state]);
    const held = async () => (await services.room(owner)).held.services;
    const isGone = (id: string) => eventually('it is gone', async () => (await services.find(id)) === undefined);

    // Nobody has looked at it yet.
    const { id: first } = await services.launch(wanted('one'), by);
    t.strictSame([await listed(), await held()], [[['one', 'requested']], 1]);
    await t.rejects(services.launch(wanted('two'), by), { code: 'KNOT_SERVICES_REFUSED' });
    t.strictSame(await listed(), [['one', 'requested']], 'for want of room: no trace of it');
    house.starts = false;
    await services.start();
    await eventually('it is given up', async () => (await services.find(first))?.state === 'failed');
    t.strictSame([await listed(), await held()], [[['one', 'failed']], 0]);
    t.match(await services.check(wanted('one')), [{ field: 'name', message: /taken/ }]);
    await services.act(first, 'remove', by);
    await isGone(first);

    // Its name, and what it held, are free.
    house.starts = true;
    const { id: again } = await services.launch(wanted('one'), by);
    await eventually('it is begun', async () => (await services.find(again))?.state === 'starting');
    t.strictSame([await listed(), await held()], [[['one', 'starting']], 1]);
    await services.act(again, 'remove', by);
    await isGone(again);
    t.strictSame([await listed(), await held()], [[], 0]);
  });

  await t.test('what they use is measured also where old files of templates cannot be taken away', async (t) => {
    const { store } = await openDatabase(t);
    const { services, house, wanted, by, metricsFolder } = await openRecords(t, store);
    const { id } = await services.launch(wanted('one'), by);
    for (const name of [id, 'gone']) writeFileSync(join(metricsFolder, name), '');
    house.tidies = false;
    await services.start();
    // The same step begins to measure.
    t.strictSame(readdirSync(metricsFolder), [id], 'nothing is kept of a service that is no more');
  });

  await t.test('whoever reads that it is ready reaches it, while that is still being made safe', async (t) => {
    const { store } = await openDatabase(t);
    const [written, safe] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isSlow = false;
    const transaction: Store['transaction'] = async (act) => {
      // One that was begun before is not the one that is waited for.
      const waits = isSlow;
      const answer = await store.transaction(act);
      if (waits) {
        written.resolve();
        await safe.promise;
      }
      return answer;
    };
    const { services, house, wanted, owner, by } = await openRecords(t, { ...store, transaction });
    await services.start();
    const { id } = await services.launch(wanted('one'), by);
    house.observed = { phase: 'starting', revision: 1 };
    await eventually('it is begun', async () => (await services.find(id))?.state === 'starting');
    t.ok(services.trafficOf(id).isHeld, 'what it answers before is not shown');
    house.observed = { phase: 'running', revision: 1 };
    isSlow = true;
    await services.lookAt(owner);
    await written.promise;
    t.equal((await services.find(id))?.state, 'ready');
    t.notOk(services.trafficOf(id).isHeld);
    safe.resolve();
  });

  await t.test('the last wish is what is wanted, and whoever acted on an older picture is told', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, owner, by, facts } = await openRecords(t, store);
    const { id } = await services.launch(wanted('one'), by);
    t.equal((await services.find(id))?.values['a'], 1, 'the defaults are kept with it');
    t.strictSame(
      (await services.all()).map((service) => service.id),
      [id],
    );
    await services.act(id, 'stop', by);
    t.match(await services.act(id, 'start', { actor: 'bob' }), { wish: 'running', revision: 2, state: 'requested' });
    t.match(await services.act(id, 'start', by), { revision: 2 }, 'pressed twice is pressed once');
    t.match(await services.history.change(id, { a: 2 }, by), { revision: 3, values: { a: 2 } });
    await t.rejects(services.history.change(id, { a: 'bad' }, by), { code: 'KNOT_SERVICES_REFUSED' });
    await t.rejects(services.act('none', 'stop', by), { code: 'KNOT_SERVICES_NONE' });
    t.strictSame(
      (await services.transitions(id)).map(({ actor }) => actor).filter((actor) => actor !== 'system'),
      ['ann', 'bob', 'ann', 'ann'],
    );
    await services.act(id, 'stop', { actor: 'carol' });
    t.match((await services.transitions(id))[0], { state: 'stopping', actor: 'carol' }, 'and not who carries it out');
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

  await t.test(
    'each change is a revision that can be gone back to, and an upgrade keeps what was chosen',
    async (t) => {
      const { store } = await openDatabase(t);
      const { services, house, wanted, by, kept, owner, facts } = await openRecords(t, store);
      const person = (await facts.accounts.principal(owner.id))!;
      const { history } = services;
      const { id } = await services.launch(wanted('one', { a: 5 }), by);
      await t.rejects(history.rollback(id, by), { code: 'KNOT_SERVICES_NO_REVISION' });
      t.strictSame(await history.versions((await services.find(id))!, person), {});
      await t.rejects(history.upgrade(id, { ...by, person }), { code: 'KNOT_SERVICES_NOTHING_NEWER' });

      await services.act(id, 'stop', by);
      t.match(await history.change(id, { a: 6 }, by), { wish: 'stopped', revision: 2 }, 'what was stopped stays so');
      await services.act(id, 'start', by);
      // Who looked at revision 2 sees what it still is, though it was started anew; who looked at 1 does not.
      await t.rejects(history.change(id, { a: 7 }, by, { revision: 1 }), { code: 'KNOT_SERVICES_CHANGED' });
      t.match(await history.change(id, { a: 7 }, by, { revision: 2 }), { revision: 4, state: 'requested' });

      house.template = { ...first, version: '2.0.0', defaults: { a: 1, b: 'new' } };
      t.strictSame(await history.versions((await services.find(id))!, person), { newer: '2.0.0', previous: '1.0.0' });
      t.match(await history.upgrade(id, { ...by, person }, { dryRun: true }), {
        from: { version: '1.0.0' },
        to: { version: '2.0.0' },
        changes: [{ path: '/b', after: 'new' }],
        misfits: [],
      });
      t.match((await services.find(id))?.template.version, '1.0.0', 'asking changes nothing');
      t.match(await history.upgrade(id, { ...by, person }), {
        service: { template: { version: '2.0.0', digest: 'digest of 2.0.0' }, values: { a: 7, b: 'new' } },
      });
      t.match(await services.find(id), { template: { version: '2.0.0' }, values: { a: 7, b: 'new' }, revision: 5 });

      await history.change(id, { a: 'odd' }, by);
      house.template = { ...house.template, version: '3.0.0', schema: { properties: { a: { type: 'integer' } } } };
      await t.rejects(history.upgrade(id, { ...by, person }), {
        code: 'KNOT_SERVICES_DOES_NOT_FIT',
        details: { problems: [{ field: 'values/a', message: /whole number/ }] },
      });
      t.match(await history.upgrade(id, { ...by, person }, { dryRun: true }), {
        misfits: [{ path: '/a', message: /whole number/ }],
      });
      t.match(await history.upgrade(id, { ...by, person }, { drop: true }), {
        service: { values: { a: 1, b: 'new' } },
      });

      t.match(await history.rollback(id, by, { to: 4, dryRun: true }), {
        from: { version: '3.0.0' },
        to: { version: '1.0.0' },
        changes: [
          { path: '/a', before: 1, after: 7 },
          { path: '/b', before: 'new' },
        ],
      });
      t.match(await history.rollback(id, by, { to: 4 }), {
        service: { template: { version: '1.0.0' }, values: { a: 7 } },
      });
      await t.rejects(history.rollback(id, by, { to: 3 }), { code: 'KNOT_SERVICES_NO_REVISION' }, 'a start is none');
      t.match(
        (await history.revisions(id)).map(({ act, revision, template }) => [act, revision, template.version]),
        [
          ['rolled-back', 8, '1.0.0'],
          ['upgraded', 7, '3.0.0'],
          ['changed', 6, '2.0.0'],
          ['upgraded', 5, '2.0.0'],
          ['changed', 4, '1.0.0'],
          ['changed', 2, '1.0.0'],
          ['launched', 1, '1.0.0'],
        ],
      );
      house.template = undefined;
      await t.rejects(history.upgrade(id, { ...by, person }), { code: 'KNOT_SERVICES_TEMPLATE_GONE' });
      await history.tidy();
      t.strictSame([...kept.at(-1)!].sort(), ['digest of 1.0.0', 'digest of 2.0.0', 'digest of 3.0.0']);
      for (let a = 0; a < 25; a += 1) await history.change(id, { a }, by);
      t.equal((await history.revisions(id)).length, 20, 'the oldest are let go');
      await history.tidy();
      t.strictSame([...kept.at(-1)!], ['digest of 1.0.0'], 'and with them what only they needed');
    },
  );

  await t.test('what is said of an upgrade is what was done, also while its template is edited', async (t) => {
    const { store } = await openDatabase(t);
    const { services, house, wanted, by, owner, facts } = await openRecords(t, store);
    const person = (await facts.accounts.principal(owner.id))!;
    const { id } = await services.launch(wanted('one'), by);
    let edits = 0;
    Object.defineProperty(house, 'template', { get: () => ({ ...first, version: `2.0.${(edits += 1)}` }) });
    const { to, service } = await services.history.upgrade(id, { ...by, person });
    t.equal(to.version, service?.template.version);
    t.equal((await services.find(id))?.template.version, to.version);
  });

  await t.test('where there is no sandbox, who may launch may upgrade and go back as well', async (t) => {
    const { store } = await openDatabase(t);
    const { services, house, wanted, by, owner, facts } = await openRecords(t, store);
    const person = { ...(await facts.accounts.principal(owner.id))!, isAdmin: true };
    const admin = { ...by, isAdmin: true };
    house.hasSandbox = false;
    const { id } = await services.launch({ ...wanted('one'), person }, admin);
    house.template = { ...first, version: '2.0.0' };
    const refused = { code: 'KNOT_SERVICES_REFUSED', details: { problems: [{ message: 'There is no sandbox.' }] } };
    await t.rejects(services.history.upgrade(id, { ...by, person }), refused);
    const upgraded = await services.history.upgrade(id, { ...admin, person });
    t.match(upgraded.service, { mayLackSandbox: true, revision: 2 });
    await t.rejects(services.history.rollback(id, by), refused);
    const { service } = await services.history.rollback(id, admin);
    t.match(service, { mayLackSandbox: true, template: { version: '1.0.0' } });
  });

  await t.test('two who change one service at one moment do not write over one another', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, by } = await openRecords(t, store);
    const { id } = await services.launch(wanted('one'), by);
    const results = await Promise.allSettled(
      [1, 2, 3].map((a) => services.history.change(id, { a }, by, { revision: 1 })),
    );
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results)
      if (result.status === 'rejected') t.match(result.reason, { code: 'KNOT_SERVICES_CHANGED' });
    t.equal((await services.history.revisions(id)).length, 2);
  });

  await t.test('it is kept awake for longer on request, within bounds, and that is taken back', async (t) => {
    const { store } = await openDatabase(t);
    const { services, wanted, by, clock } = await openRecords(t, store);
    const { id } = await services.launch(wanted('one'), by);
    const hour = 3_600_000;
    const now = clock.now();
    t.match(await services.extend(id, { hours: 8 }, by), { keptUntil: now + 8 * hour });
    t.match(await services.find(id), { keptUntil: now + 8 * hour });
    t.match(await services.extend(id, { until: now + 1000 * hour }, by), { keptUntil: now + 24 * hour });
    t.match(await services.extend(id, { until: now + hour }, by), { keptUntil: now + hour }, 'as it was before');
    t.notOk('keptUntil' in (await services.extend(id, { until: null }, by)));
    t.notOk('keptUntil' in (await services.find(id))!);
    await t.rejects(services.extend('none', { hours: 1 }, by), { code: 'KNOT_SERVICES_NONE' });
  });
});
