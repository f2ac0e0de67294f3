import t, { type Test } from 'tap';
import { createPlans, type Plan } from '../../gateway/owners/index.ts';
import { eventually } from '../support/eventually.ts';
import { by, house } from '../accounts/people.ts';
import { onBothStores, type OpenDatabase } from '../support/house/stores.ts';

const small: Plan = { name: 'small', title: 'Small', defaultFor: ['people'], storage: 1000 };
const large: Plan = { name: 'large', title: 'Large', defaultFor: ['teams'], storage: 5000 };
const free: Plan = { name: 'free', title: 'Free', defaultFor: [] };
const admin = { actor: 'root-admin', address: '192.0.2.7' };

await onBothStores(t, async (t, open) => {
  async function given(t: Test, openOne: OpenDatabase, plans: readonly Plan[] = [small, large, free]) {
    const people = await house(t, openOne);
    const { store, clock, audit } = people;
    const make = (on = store, which = plans) => {
      const made = createPlans({ store: on, clock, plans: which, record: audit.record });
      t.teardown(() => made.close());
      return made;
    };
    const user = await people.add('ann');
    const team = await people.accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
    const ann = { kind: 'user', id: user.id, name: 'ann', title: 'ann' } as const;
    const physics = { kind: 'team', id: team.id, name: 'physics', title: 'Physics' } as const;
    return { ...people, make, plans: make(), ann, physics };
  }

  await t.test('who was given no plan has the default of people or of teams, or no limit', async (t) => {
    const { plans, make, store, ann, physics } = await given(t, open);
    t.same(await plans.of(ann), { plan: small, source: 'default' });
    t.same(await plans.of(physics), { plan: large, source: 'default' });
    t.same(await make(store, [free]).of(ann), { source: 'none' });
    t.same(await make(store, []).of(ann), { source: 'none' });
  });

  await t.test('an admin gives a plan and takes it back; everybody hears, and it is recorded', async (t) => {
    const { plans, make, openAgain, ann, physics, acts } = await given(t, open);
    const elsewhere = make(await openAgain());
    t.match(await elsewhere.of(ann), { plan: small });
    const undo = { plan: null, undoes: 'large' };
    t.same(await plans.give(ann, 'large', admin), { plan: large, source: 'given', undo });
    await eventually('another replica hears of it', async () => (await elsewhere.of(ann)).plan?.name === 'large');
    t.match(await plans.of(physics), { plan: large, source: 'default' }, 'others are not concerned');
    await plans.give(ann, 'large', admin);
    await t.rejects(plans.give(ann, 'huge', admin), { code: 'KNOT_OWNERS_NO_PLAN', remedy: /small, large, free/ });
    t.match(await plans.give(ann, null, admin), {
      plan: small,
      source: 'default',
      undo: { plan: 'large', undoes: null },
    });
    t.same(
      (await acts()).slice(-2),
      ['plan.given user:ann', 'plan.given user:ann'],
      'what changes nothing is not told',
    );
  });

  await t.test('a gift is taken back, and never what somebody else gave since', async (t) => {
    const { plans, ann, acts } = await given(t, open);
    const { undo } = await plans.give(ann, 'free', admin);
    t.same(await plans.give(ann, undo!.plan, admin, undo!.undoes), { plan: small, source: 'default' });
    t.equal((await acts()).at(-1), 'plan.given.undone user:ann');
    await plans.give(ann, 'large', admin);
    await t.rejects(plans.give(ann, undo!.plan, admin, undo!.undoes), { code: 'KNOT_OWNERS_CHANGED' });
    t.match(await plans.of(ann), { plan: large });
    t.notOk('undo' in (await plans.give(ann, 'large', admin)), 'what changed nothing has no way back');
  });

  await t.test('a plan that is gone from the configuration leaves the default, and says so', async (t) => {
    const { plans, make, store, ann } = await given(t, open);
    await plans.give(ann, 'free', admin);
    t.same(await make(store, [small]).of(ann), { plan: small, source: 'default', lost: 'free' });
  });

  await t.test('areas have the limit of their owner; those of everyone have none', async (t) => {
    const { plans, ann, physics, accounts } = await given(t, open);
    t.match(await plans.allowanceOf({ kind: 'private', id: ann.id }), { limit: 1000 });
    t.match(await plans.allowanceOf({ kind: 'team', id: physics.id }), { limit: 5000 });
    t.notOk('limit' in (await plans.allowanceOf({ kind: 'shared' })));
    t.notOk('limit' in (await plans.allowanceOf({ kind: 'admin' })));
    await plans.give(physics, 'free', admin);
    t.notOk('limit' in (await plans.allowanceOf({ kind: 'team', id: physics.id })));
    await accounts.deleteTeam(physics.id, by);
    await accounts.deleteUser(ann.id, by);
  });

  await t.test('many owners are asked for in one go', async (t) => {
    const { plans, ann, physics } = await given(t, open);
    await plans.give(physics, 'free', admin);
    t.same(Object.fromEntries(await plans.ofAll([ann, physics])), {
      [ann.id]: { plan: small, source: 'default' },
      [physics.id]: { plan: free, source: 'given' },
    });
  });
});
