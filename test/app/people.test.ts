import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { createPeople, type People } from '../../gateway/app/people.ts';
import { createAudit } from '../../gateway/audit/index.ts';
import { hashSecret, newSecret, silentLog } from '../../gateway/lib/index.ts';
import type { Store } from '../../gateway/store/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores, type OpenDatabase, type TestDatabase } from '../support/house/stores.ts';

const old = 'blue tractor 9 lemon';
const next = 'green kettle 7 fox';
const by = { name: 'root-admin' };
/** The browser that a code was made for. */
const shown = ({ host, binding }: { host: string; binding: string }) => ({
  host,
  bindings: [binding],
  isInUse: () => false,
});
const place = { device: 'Firefox on Linux', address: '192.0.2.1' };

function peopleOn(t: Test, store: Store, clock: TestDatabase['clock']): People {
  const { record } = createAudit({ store, clock });
  const lifetimes = { idleSeconds: 3600, absoluteSeconds: 86_400 };
  const passwordRules = { minimumLength: 10 };
  const people = createPeople({ store, clock, record, passwordRules, sessions: lifetimes, log: silentLog });
  t.teardown(() => people.sessions.close());
  return people;
}

async function given(t: Test, open: OpenDatabase) {
  const database = await open(t);
  const { store, clock } = database;
  const people = peopleOn(t, store, clock);
  // A second process on the same store.
  const elsewhere = peopleOn(t, await database.openAgain(), clock);
  const add = (username: string) =>
    people.accounts.createUser({ username, email: `${username}@x.org`, password: old, state: 'active' }, by);
  const rowsOf = async (userId: string) =>
    (await store.db.selectFrom('sessions').select('id').where('user_id', '=', userId).execute()).map(({ id }) => id);
  return {
    ...people,
    kind: database.kind,
    store,
    clock,
    people,
    elsewhere,
    add,
    rowsOf,
    audit: createAudit({ store, clock }),
  };
}

type Given = Awaited<ReturnType<typeof given>>;

/** What the sign-in page does. */
async function signIn({ accounts, sessions }: People, username: string) {
  const verified = await accounts.verifyPassword(username, old);
  return verified?.user.state === 'active' ? sessions.start({ user: verified.user, ...place }) : undefined;
}

const acts: Record<
  string,
  { reason: string; run(house: Given, user: { id: string; credentialVersion: number }): Promise<unknown> }
> = {
  reset: {
    reason: 'password_reset',
    async run({ accounts }, { id }) {
      const { token } = await accounts.createLink({ kind: 'reset', userId: id, lifetimeSeconds: 60 }, by);
      await accounts.redeemLink(token, 'reset', { password: next }, by);
    },
  },
  'own change': { reason: 'password_changed', run: ({ accounts }, user) => accounts.setPassword(user, next, by) },
  disable: { reason: 'account_disabled', run: ({ accounts }, { id }) => accounts.setState(id, 'disabled', by) },
  delete: { reason: 'account_deleted', run: ({ accounts }, { id }) => accounts.deleteUser(id, by) },
};

await onBothStores(t, async (t, open) => {
  await t.test('sign-ins at once with one cookie, on two replicas, are one session and one secret', async (t) => {
    const house = await given(t, open);
    const user = await house.add('ann');
    const verified = (await house.accounts.verifyPassword('ann', old))!.user;
    const first = (await house.sessions.start({ user: verified, ...place }))!;
    const cookie = `__Host-knot=${first.secret}`;
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 ? house.people : house.elsewhere).sessions.start({ user: verified, ...place, cookie }),
      ),
    );
    t.strictSame(await house.rowsOf(user.id), [first.session.id]);
    const headers = [cookie, ...made.map((each) => `__Host-knot=${each!.secret}`)];
    const fresh = peopleOn(t, house.store, house.clock).sessions;
    const alive: string[] = [];
    for (const header of headers) {
      if (await fresh.find(header, '')) alive.push(header);
      else t.match(await fresh.findFormer(header), { centralId: first.session.id }, 'the others lead back to it');
    }
    t.equal(alive.length, 1);
    for (const { sessions } of [house.people, house.elsewhere]) {
      for (const header of headers) {
        await eventually('each replica agrees', async () => {
          return ((await sessions.find(header, '')) !== null) === (header === alive[0]);
        });
      }
    }
  });

  for (const [title, { reason, run }] of Object.entries(acts)) {
    await t.test(`${title}: of the sign-ins under way with the old password none survives`, async (t) => {
      const house = await given(t, open);
      const user = await house.add('ann');
      let done = 0;
      const count = (started: unknown) => void (started && (done += 1));
      const underWay = Array.from({ length: 12 }, (_, index) =>
        signIn(index % 2 ? house.people : house.elsewhere, 'ann').then(count, () => undefined),
      );
      await underWay[2];
      await run(house, user);
      await Promise.all(underWay);
      t.ok(done > 0, `${done} had begun`);
      t.strictSame(await house.rowsOf(user.id), []);
    });

    await t.test(`${title}: what was verified before begins nothing afterwards`, async (t) => {
      const house = await given(t, open);
      const user = await house.add('ann');
      const { sessions, accounts } = house.elsewhere;
      const verified = (await accounts.verifyPassword('ann', old))!;
      await run(house, user);
      t.equal(await sessions.start({ user: verified.user, ...place }), undefined);
      await t.rejects(accounts.setPassword(verified.user, 'purple spoon 5 elk', by), {
        code: /KNOT_ACCOUNTS_(CREDENTIAL_CHANGED|NO_USER)/,
      });
    });

    await t.test(
      `${title}: sessions, host sessions and codes end in the same act, with one word in the audit`,
      async (t) => {
        const house = await given(t, open);
        const user = await house.add('ann');
        const { session } = (await signIn(house.people, 'ann'))!;
        const visit = { host: 'echo.localhost', binding: hashSecret(newSecret()) };
        const used = await house.sessions.issueCode(session, { ...visit, next: '/' });
        await house.sessions.redeemCode(used, { ...shown(visit), ...place });
        const open1 = await house.sessions.issueCode(session, { ...visit, next: '/' });
        const heard: string[] = [];
        house.sessions.onEnded((id) => void heard.push(id));
        await run(house, user);
        t.strictSame(heard, [session.id], 'told once');
        t.strictSame(await house.rowsOf(user.id), []);
        const late = await house.elsewhere.sessions.redeemCode(open1, { ...shown(visit), ...place });
        t.match(late, { kind: 'refused' });
        const ended = await house.audit.list({ action: 'session.ended' });
        t.match(ended, [{ actor: by.name, subject: `session:${session.id}`, detail: { reason } }]);
        t.equal(ended.length, 1);
      },
    );
  }

  await t.test('tokens end with a password, shares and tokens with the account', async (t) => {
    const house = await given(t, open);
    for (const [title, { reason, run }] of Object.entries(acts)) {
      const user = await house.add(reason.replace('_', ''));
      const actor = { actor: user.username };
      const given = { userId: user.id, name: 'ci', scopes: ['files:read'], days: 7 };
      const { secret } = await house.tokens.create(given, actor);
      const thing = { kind: 'files', id: `private/${user.id}`, path: 'open' } as const;
      const owner = { kind: 'user', id: user.id } as const;
      const wanted = { thing, owner, party: { kind: 'guest' }, right: 'view', days: 7 } as const;
      const { share } = await house.shares.create(wanted, actor);
      t.match(await house.tokens.find(secret, place.address), { userId: user.id });
      await run(house, user);
      t.equal(await house.tokens.find(secret, place.address), undefined, title);
      await house.shares.load();
      t.equal(house.shares.find(share.id) === undefined, reason.startsWith('account'), title);
    }
  });

  await t.test('host sessions that begin while the account is disabled do not stay', async (t) => {
    const house = await given(t, open);
    const user = await house.add('ann');
    const { session } = (await signIn(house.people, 'ann'))!;
    const visit = { host: 'echo.localhost', binding: hashSecret(newSecret()) };
    const codes = await Promise.all(
      Array.from({ length: 12 }, () => house.sessions.issueCode(session, { ...visit, next: '/' })),
    );
    const redeemed = codes.map((code, index) =>
      (index % 2 ? house : house.elsewhere).sessions
        .redeemCode(code, { ...shown(visit), ...place })
        .catch(() => undefined),
    );
    await redeemed[0];
    await house.accounts.setState(user.id, 'disabled', by);
    await Promise.all(redeemed);
    t.strictSame(await house.rowsOf(user.id), []);
  });

  await t.test('whoever derives a right from a session holds the account until that is written', async (t) => {
    const house = await given(t, open);
    const user = await house.add('ann');
    const { session } = (await signIn(house.people, 'ann'))!;
    let disabling: Promise<unknown> | undefined;
    await house.store.transaction(async (transaction) => {
      t.equal(await house.sessions.hold(transaction, session), true);
      // SQLite has one writer at a time: the other process would wait for the file, here for this very transaction.
      if (house.kind === 'sqlite') return;
      disabling = house.elsewhere.accounts.setState(user.id, 'disabled', by);
      await eventually('the change waits for the row', async () => {
        const { rows } = await sql<{ waiting: number }>`select count(*) as waiting from pg_locks
          where not granted and locktype in ('transactionid', 'tuple')`.execute(transaction.db);
        return Number(rows[0]?.waiting) > 0;
      });
    });
    await (disabling ?? house.elsewhere.accounts.setState(user.id, 'disabled', by));
    t.equal(await house.store.transaction((transaction) => house.sessions.hold(transaction, session)), false);
  });

  await t.test('of two changes with the same old password one is done', async (t) => {
    const house = await given(t, open);
    const user = await house.add('ann');
    const results = await Promise.allSettled([
      house.accounts.setPassword(user, next, by),
      house.elsewhere.accounts.setPassword(user, 'purple spoon 5 elk', by),
    ]);
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  await t.test('the session in which a password is changed goes on, a reset link made before does not', async (t) => {
    const house = await given(t, open);
    const user = await house.add('ann');
    const own = (await signIn(house.people, 'ann'))!.session;
    await signIn(house.people, 'ann');
    const { token } = await house.accounts.createLink({ kind: 'reset', userId: user.id, lifetimeSeconds: 60 }, by);
    await house.accounts.setPassword(user, next, by, { exceptSessionId: own.id });
    t.strictSame(await house.rowsOf(user.id), [own.id]);
    t.equal(await house.accounts.findLink(token, 'reset'), undefined);
  });

  await t.test('a loss whose record cannot be written ends nothing', async (t) => {
    const house = await given(t, open);
    const user = await house.add('ann');
    const { session } = (await signIn(house.people, 'ann'))!;
    let isBroken = false;
    const { store, clock } = house;
    const broken = createPeople({
      store,
      clock,
      record: async () => {
        if (isBroken) throw new Error('no space left');
      },
      passwordRules: { minimumLength: 10 },
      sessions: { idleSeconds: 3600, absoluteSeconds: 86_400 },
      log: silentLog,
    });
    t.teardown(() => broken.sessions.close());
    isBroken = true;
    await t.rejects(broken.accounts.setState(user.id, 'disabled', by));
    t.strictSame(await house.rowsOf(user.id), [session.id]);
    t.equal((await house.accounts.findUser(user.id))?.state, 'active');
  });
});
