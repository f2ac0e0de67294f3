import type { Log, UserState } from '../lib/index.ts';
import type { Row, Store } from '../store/index.ts';
import type { Change, ChangeScope } from './change.ts';
import { parseEmail } from './email.ts';
import { credentialChanged, lastAdmin, noSuchUser } from './errors.ts';
import { admit, holdActive, type Kept, lose, type LossReason } from './loss.ts';
import type { Accounts, ChangedUser, User } from './model.ts';
import { insertUser, isWishing, prepareNewUser, requireFreeEmail, takeWish } from './new-user.ts';
import type { PasswordHasher } from './password-hash.ts';
import { checkNewPassword } from './password-rules.ts';
import { checkFields } from './problems.ts';
import {
  countAdmins,
  findUserRow,
  findUserRowByName,
  findUserRowBySignIn,
  findWaitingRow,
  touchUsers,
  toUser,
  toUsers,
} from './records.ts';
import { recordedAs, requireUnchanged, stateAct, type UserUndo } from './undo.ts';
import { findUserRows } from './user-list.ts';

export type UserParts = {
  store: Store;
  change: Change;
  hasher: PasswordHasher;
  minimumLength: number;
  clock: { now(): number };
  log: Log;
};

export type Users = Pick<
  Accounts,
  | 'createUser'
  | 'findUser'
  | 'findUserByName'
  | 'listUsers'
  | 'setState'
  | 'setAdmin'
  | 'setEmail'
  | 'changeUser'
  | 'deleteUser'
  | 'hasAdmin'
  | 'findSignIn'
  | 'expectRoom'
  | 'verifyPassword'
  | 'setPassword'
  | 'admit'
  | 'holdActive'
>;

export function createUsers({ store, change, hasher, minimumLength, clock, log }: UserParts): Users {
  async function setFlag(
    scope: ChangeScope,
    id: string,
    isSame: (row: Row<'users'>) => boolean,
    values: { state: UserState } | { is_admin: 0 | 1 },
    action: (row: Row<'users'>) => string,
    undo: { undoes: number | undefined; back(row: Row<'users'>, version: number): UserUndo | undefined },
  ): Promise<ChangedUser> {
    const row = await requireUser(scope, id);
    requireUnchanged(row, undo.undoes);
    if (isSame(row)) return toUser(scope.db, row);
    const isLoss = ('state' in values && values.state !== 'active') || ('is_admin' in values && values.is_admin === 0);
    if (isLoss) await requireOtherAdmin(scope, row);
    if ('state' in values && values.state === 'active' && isWishing(row)) await takeWish(scope, row);
    await scope.db.updateTable('users').set(values).where('id', '=', id).execute();
    await touchUsers(scope, [id]);
    if ('state' in values && values.state !== 'active') await lose(scope, id, 'account_disabled');
    scope.audit(recordedAs(action(row), undo.undoes !== undefined), `user:${row.username}`);
    const changed = await toUser(scope.db, { ...row, ...values });
    const back = undo.undoes === undefined ? undo.back(row, row.version + 1) : undefined;
    return back ? { ...changed, undo: back } : changed;
  }

  const setState = (scope: ChangeScope, id: string, state: UserState, undoes?: number): Promise<ChangedUser> =>
    setFlag(
      scope,
      id,
      (row) => row.state === state,
      { state },
      (row) => (undoes === undefined ? stateAct(row.state, state) : stateAct(state, row.state)),
      {
        undoes,
        // What an active person had open ends with the state and does not come back with it.
        back: (row, version) => (row.state === 'active' ? undefined : { state: row.state, undoes: version }),
      },
    );

  const setAdmin = (scope: ChangeScope, id: string, isAdmin: boolean, undoes?: number): Promise<ChangedUser> =>
    setFlag(
      scope,
      id,
      (row) => (row.is_admin === 1) === isAdmin,
      { is_admin: isAdmin ? 1 : 0 },
      () => (isAdmin === (undoes === undefined) ? 'user.promoted' : 'user.demoted'),
      { undoes, back: (_row, version) => ({ isAdmin: !isAdmin, undoes: version }) },
    );

  async function setEmail(scope: ChangeScope, id: string, text: string): Promise<User> {
    await checkFields({ email: () => parseEmail(text) });
    const { email, key } = parseEmail(text);
    const row = await requireUser(scope, id);
    if (row.email === email) return toUser(scope.db, row);
    // Who waits for approval holds no address yet.
    if (!isWishing(row)) await checkFields({ email: () => requireFreeEmail(scope.db, email, id) });
    const values = { email, email_proven_at: null, ...(isWishing(row) ? {} : { email_key: key }) };
    await scope.db.updateTable('users').set(values).where('id', '=', id).execute();
    await touchUsers(scope, [id]);
    await endMailedLinks(scope, id);
    scope.audit('user.email-changed', `user:${row.username}`);
    return toUser(scope.db, { ...row, email });
  }

  return {
    async createUser(user, actor) {
      const passwordHash = await prepareNewUser(store.db, user, hasher, minimumLength);
      return change(actor, (scope) => insertUser(scope, user, passwordHash));
    },
    async findUser(id) {
      const row = await findUserRow(store.db, id);
      return row && toUser(store.db, row);
    },
    async findUserByName(username) {
      const row = (await findUserRowByName(store.db, username)) ?? (await findWaitingRow(store.db, username));
      return row && toUser(store.db, row);
    },
    async listUsers(query) {
      const { rows, ...counted } = await findUserRows(store.db, query);
      return { users: await toUsers(store.db, rows), ...counted };
    },
    setState: (id, state, actor, undoes) => change(actor, (scope) => setState(scope, id, state, undoes)),
    setAdmin: (id, isAdmin, actor, undoes) => change(actor, (scope) => setAdmin(scope, id, isAdmin, undoes)),
    setEmail: (id, email, actor) => change(actor, (scope) => setEmail(scope, id, email)),
    changeUser: (id, { email, state, isAdmin }, actor) =>
      change(actor, async (scope) => {
        let user: ChangedUser = await toUser(scope.db, await requireUser(scope, id));
        if (email !== undefined) user = await setEmail(scope, id, email);
        // Someone who is disabled and demoted at once must not be counted as an admin in between, nor the other way round.
        if (state === 'active') user = await setState(scope, id, state);
        if (isAdmin !== undefined) user = await setAdmin(scope, id, isAdmin);
        if (state === 'disabled') user = await setState(scope, id, state);
        const { undo, ...changed } = user;
        // Of several changes the last one's undo would take back a part.
        const isOneAct = [email, state, isAdmin].filter((value) => value !== undefined).length === 1;
        return undo && isOneAct ? { ...changed, undo } : changed;
      }),
    deleteUser: (id, actor) =>
      change(actor, async (scope) => {
        const row = await requireUser(scope, id);
        await requireOtherAdmin(scope, row);
        // Before the row goes: with it the sessions vanish from the store, and nobody would hear that they ended.
        await lose(scope, id, 'account_deleted');
        await scope.db.deleteFrom('users').where('id', '=', id).execute();
        scope.announce({ topic: 'users', key: id });
        scope.audit('user.deleted', `user:${row.username}`, { id });
      }),
    async hasAdmin() {
      return (await countAdmins(store.db)).withPassword > 0;
    },
    async findSignIn(name) {
      const row = await findUserRowBySignIn(store.db, name);
      return row && { id: row.id, username: row.username };
    },
    expectRoom: hasher.expectRoom,
    async verifyPassword(name, password) {
      const row = await findUserRowBySignIn(store.db, name);
      const isRight = await hasher.verify(password, row?.password_hash ?? undefined);
      if (!row || !isRight) return undefined;
      await renewHash(row, password);
      return { user: await toUser(store.db, row) };
    },
    async setPassword({ id, credentialVersion }, password, actor, kept = {}) {
      const row = await findUserRow(store.db, id);
      if (!row) throw noSuchUser();
      await checkFields({ password: () => checkNewPassword(password, row, minimumLength, hasher) });
      const passwordHash = await hasher.hash(password);
      await change(actor, async (scope) => {
        const { state, credential_version } = await requireUser(scope, id);
        if (credential_version !== credentialVersion || state !== 'active') throw credentialChanged();
        await storePassword(scope, id, passwordHash, 'password_changed', kept);
      });
    },
    admit: (transaction, user) => admit(transaction, user, clock.now()),
    holdActive: (transaction, id) => holdActive(transaction, id, store.kind),
  };

  /** Moves a hash of other parameters to today's while the password is at hand; a failure must not spoil the sign-in. */
  async function renewHash(row: Row<'users'>, password: string): Promise<void> {
    if (row.password_hash === null || !hasher.isOutdated(row.password_hash)) return;
    try {
      const renewed = await hasher.hash(password);
      await store.db
        .updateTable('users')
        .set({ password_hash: renewed })
        .where('id', '=', row.id)
        .where('password_hash', '=', row.password_hash)
        .execute();
    } catch (error) {
      log.warn({ err: error, user: row.username }, 'renewing a password hash failed');
    }
  }
}

export async function storePassword(
  scope: ChangeScope,
  id: string,
  passwordHash: string,
  reason: LossReason,
  kept: Kept = {},
): Promise<Row<'users'>> {
  const row = await requireUser(scope, id);
  await scope.db.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute();
  await touchUsers(scope, [id]);
  await lose(scope, id, reason, kept);
  scope.audit('password.changed', `user:${row.username}`);
  return { ...row, password_hash: passwordHash, credential_version: row.credential_version + 1 };
}

export async function requireUser(scope: ChangeScope, id: string): Promise<Row<'users'>> {
  const row = await findUserRow(scope.db, id);
  if (!row) throw noSuchUser();
  return row;
}

/** Ends the open reset links that went to the address of before: whoever reads that mailbox is not the person any more. */
async function endMailedLinks(scope: ChangeScope, userId: string): Promise<void> {
  const links = await scope.db
    .deleteFrom('links')
    .where('kind', '=', 'reset')
    .where('user_id', '=', userId)
    .where('email', 'is not', null)
    .where('used_at', 'is', null)
    .returning('id')
    .execute();
  for (const { id } of links) scope.announce({ topic: 'links', key: id });
}

/** An admin who can sign in with a password is only let go when another such one stays. */
async function requireOtherAdmin(scope: ChangeScope, row: Row<'users'>): Promise<void> {
  if (row.is_admin !== 1 || row.state !== 'active') return;
  const others = await countAdmins(scope.db, row.id);
  if ((row.password_hash === null ? others.all : others.withPassword) === 0) throw lastAdmin();
}
