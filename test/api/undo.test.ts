import t, { type Test } from 'tap';
import type { AuditPage, ChangedUser, MembershipChange, UserUndo } from '../../gateway/api/contract.ts';
import { openHouse, password } from './house.ts';

/** Taking an act back: exactly the state before, or nothing at all. */

async function scene(t: Test) {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const eve = await house.person('eve', { isAdmin: true });
  const carl = await house.accounts.createUser(
    { username: 'carl', email: 'carl@example.org', password, state: 'pending' },
    { name: 'anonymous' },
  );
  const change = async (body: object, by = ann, id = carl.id) => {
    const answer = await house.call({ method: 'PATCH', url: `/users/${id}`, body, cookie: by.cookie });
    return { ...answer, changed: answer.json as ChangedUser & { code?: string } };
  };
  const undoOf = async (body: object, by = ann): Promise<UserUndo> => {
    const { changed, status } = await change(body, by);
    t.equal(status, 200);
    t.ok(changed.undo, `${JSON.stringify(body)} can be taken back`);
    return changed.undo!;
  };
  const stateOf = async () => {
    const { state, isAdmin, teams } = (await house.accounts.findUser(carl.id))!;
    return { state, isAdmin, teams };
  };
  const acts = async () => {
    const { records } = (await house.call({ url: '/audit?limit=100', cookie: ann.cookie })).json as AuditPage;
    return records
      .filter(({ subject }) => subject === 'user:carl' || subject.startsWith('team:'))
      .map(({ action }) => action)
      .reverse();
  };
  return { house, ann, eve, carl, change, undoOf, stateOf, acts };
}

t.test('undoing an approval or a refusal makes the person wait again, and the record says so', async (t) => {
  const { undoOf, change, stateOf, acts } = await scene(t);
  const before = await stateOf();
  for (const state of ['active', 'disabled']) {
    const undo = await undoOf({ state });
    t.match(await change(undo), { status: 200, json: { state: 'pending' } });
    t.same(await stateOf(), before);
  }
  t.same((await acts()).slice(1), ['user.approved', 'user.approved.undone', 'user.refused', 'user.refused.undone']);
});

t.test('undoing an approval ends what the person has opened in between', async (t) => {
  const { house, carl, undoOf, change } = await scene(t);
  const undo = await undoOf({ state: 'active' });
  const session = await house.signIn(carl.id, 'carl');
  t.match(await house.call({ url: '/me', cookie: session.cookie }), { status: 200 });
  await change(undo);
  t.match(await house.call({ url: '/me', cookie: session.cookie }), { status: 401 });
  t.same(await house.sessions.list(carl.id), [], 'the session is gone, not only without effect');
});

t.test('undoing enable, promote and demote restores what was there', async (t) => {
  const { undoOf, change, stateOf } = await scene(t);
  await change({ state: 'disabled' });
  t.match(await change(await undoOf({ state: 'active' })), { json: { state: 'disabled' } });
  await change({ state: 'active' });
  t.match(await change(await undoOf({ isAdmin: true })), { json: { isAdmin: false } });
  await change({ isAdmin: true });
  t.match(await change(await undoOf({ isAdmin: false })), { json: { isAdmin: true } });
  t.match(await stateOf(), { state: 'active', isAdmin: true });
});

t.test('disabling somebody who is active is no act with an undo: the sessions do not come back', async (t) => {
  const { change } = await scene(t);
  await change({ state: 'active' });
  const { changed } = await change({ state: 'disabled' });
  t.match(changed, { state: 'disabled', undo: undefined });
});

t.test(
  'an act that changed nothing has no undo, and the undo goes by what was there, not by what a page showed',
  async (t) => {
    const { change, undoOf, stateOf, ann, eve } = await scene(t);
    await change({ state: 'active' }, eve);
    t.equal((await change({ state: 'active' }, ann)).changed.undo, undefined, 'somebody else had approved already');
    await change({ state: 'disabled' }, eve);
    const undo = await undoOf({ state: 'active' }, ann);
    await change(undo, ann);
    t.match(await stateOf(), { state: 'disabled' }, 'approved from a stale page: back to disabled');
  },
);

t.test('several changes in one request have no undo, which could take back only a part', async (t) => {
  const { change } = await scene(t);
  t.equal((await change({ state: 'active', isAdmin: true })).changed.undo, undefined);
  t.equal((await change({ isAdmin: false, email: 'c@example.org' })).changed.undo, undefined);
});

t.test('what somebody else changed in between is not overwritten', async (t) => {
  const { house, change, undoOf, stateOf, acts, ann, eve, carl } = await scene(t);
  const others: [string, () => Promise<unknown>][] = [
    ['another state', () => change({ state: 'disabled' }, eve)],
    [
      'another state and back',
      async () => {
        await change({ state: 'disabled' }, eve);
        await change({ state: 'active' }, eve);
      },
    ],
    ['rights', () => change({ isAdmin: true }, eve)],
    [
      'a team',
      async () => {
        const team = await house.accounts.createTeam({ name: 'optics', title: 'Optics' }, { name: 'eve' });
        await house.accounts.setMember(team.id, carl.id, 'member', { name: 'eve' });
      },
    ],
  ];
  for (const [what, act] of others) {
    const undo = await undoOf({ state: 'active' }, ann);
    await act();
    const present = await stateOf();
    const recorded = (await acts()).length;
    const refused = await change(undo, ann);
    t.match(refused, { status: 409, json: { code: 'KNOT_ACCOUNTS_CHANGED', message: /carl.*changed/ } }, what);
    t.same(await stateOf(), present, `${what}: stays`);
    t.equal((await acts()).length, recorded, 'nothing is recorded that was not done');
    await change({ state: 'disabled', isAdmin: false }, eve);
  }
});

t.test('of two who take the same act back one succeeds', async (t) => {
  const { change, undoOf, ann, eve, stateOf } = await scene(t);
  const undo = await undoOf({ state: 'active' });
  const answers = await Promise.all([change(undo, ann), change(undo, eve)]);
  t.same(answers.map(({ status }) => status).sort(), [200, 409]);
  t.match(await stateOf(), { state: 'pending' });
});

t.test('nobody is made to wait except by an undo, and an undo is about one thing', async (t) => {
  const { change, stateOf } = await scene(t);
  const { changed } = await change({ state: 'active' });
  const { undoes } = changed.undo as { undoes: number };
  for (const body of [
    { state: 'pending' },
    { state: 'pending', isAdmin: true, undoes },
    { state: 'pending', email: 'x@example.org', undoes },
    { email: 'x@example.org', undoes },
    { undoes },
    { state: 'pending', undoes: -1 },
    { state: 'pending', undoes: String(undoes) },
    { state: 'pending', undoes: 1.5 },
  ]) {
    t.match(await change(body), { status: 400 }, JSON.stringify(body));
  }
  t.match(await change({ state: 'pending', undoes: undoes + 1 }), { status: 409 });
  t.match(await stateOf(), { state: 'active' });
});

t.test('an undo keeps the last admin', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  const change = (body: object, id: string, cookie: string) =>
    house.call({ method: 'PATCH', url: `/users/${id}`, body, cookie });
  const promoted = (await change({ isAdmin: true }, bob.id, ann.cookie)).json as unknown as ChangedUser;
  t.match(await change({ isAdmin: false }, ann.id, bob.cookie), { status: 200 });
  t.match(await change(promoted.undo!, bob.id, bob.cookie), {
    status: 409,
    json: { code: 'KNOT_ACCOUNTS_LAST_ADMIN' },
  });
});

t.test('a role and a membership come back as they were, unless somebody was faster', async (t) => {
  const { house, ann, carl, stateOf, acts } = await scene(t);
  await house.accounts.setState(carl.id, 'active', { name: 'ann' });
  const team = await house.accounts.createTeam({ name: 'optics', title: 'Optics' }, { name: 'ann' });
  const url = `/teams/${team.id}/members/${carl.id}`;
  const put = (body: object) => house.call({ method: 'PUT', url, body, cookie: ann.cookie });
  const remove = () => house.call({ method: 'DELETE', url, cookie: ann.cookie });
  const undoIn = (answer: { json: unknown }) => (answer.json as MembershipChange).undo!;

  t.equal(undoIn(await put({ role: 'manager' })), undefined, 'a first membership is taken back by removing it');
  const roleUndo = undoIn(await put({ role: 'member' }));
  t.match(await put(roleUndo), { status: 200 });
  t.match(await stateOf(), { teams: [{ name: 'optics', role: 'manager' }] });
  t.equal(undoIn(await put({ role: 'manager' })), undefined, 'nothing was changed');

  const removalUndo = undoIn(await remove());
  t.match(await put(removalUndo), { status: 200 });
  t.match(await stateOf(), { teams: [{ name: 'optics', role: 'manager' }] });

  const late = undoIn(await remove());
  await house.accounts.setMember(team.id, carl.id, 'member', { name: 'eve' });
  await house.accounts.removeMember(team.id, carl.id, { name: 'eve' });
  t.match(await put(late), { status: 409, json: { code: 'KNOT_ACCOUNTS_CHANGED' } });
  t.match(await stateOf(), { teams: [] }, 'removed by somebody else: stays removed');

  const gone = undoIn(await (await put({ role: 'member' }), remove()));
  await house.accounts.deleteTeam(team.id, { name: 'eve' });
  t.match(await put(gone), { status: 404 });
  const recorded = await acts();
  t.equal(recorded.filter((action) => action === 'team.member-set.undone').length, 1);
  t.equal(recorded.filter((action) => action === 'team.member-removed.undone').length, 1);
});
