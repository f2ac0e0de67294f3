import { type Clock, dayMs, hashSecret, knotError, newId, newSecret } from '../lib/index.ts';
import type { Row, Store } from '../store/index.ts';
import type { Change, ChangeScope } from './change.ts';
import { parseEmail } from './email.ts';
import { linkInvalid, noSuchUser, setupDone } from './errors.ts';
import type { Accounts, Link, LinkKind, NewUser } from './model.ts';
import type { PasswordHasher } from './password-hash.ts';
import { insertUser, prepareNewUser, requireFreeEmail } from './new-user.ts';
import { checkNewPassword } from './password-rules.ts';
import { checkFields } from './problems.ts';
import { countAdmins, findUserRow, isId, toUser } from './records.ts';
import { requireUser, storePassword } from './users.ts';

export type LinkParts = { store: Store; clock: Clock; change: Change; hasher: PasswordHasher; minimumLength: number };

export type Links = Pick<
  Accounts,
  'createLink' | 'createUserWithLink' | 'noteMailed' | 'findLink' | 'redeemLink' | 'listLinks' | 'revokeLink'
>;

/** How long a link that is over is kept, so that a late visitor is still answered by the same path. */
const keepMs = 7 * dayMs;

/** One-time links. The token carries 256 random bits and is stored only as its hash. */
export function createLinks({ store, clock, change, hasher, minimumLength }: LinkParts): Links {
  async function findOpenRow(token: string, kind: LinkKind): Promise<Row<'links'> | undefined> {
    const row = await store.db
      .selectFrom('links')
      .selectAll()
      .where('token_hash', '=', hashSecret(token))
      .where('kind', '=', kind)
      .where('used_at', 'is', null)
      .where('expires_at', '>', clock.now())
      .executeTakeFirst();
    if (!row) return undefined;
    if (kind === 'setup' && (await countAdmins(store.db)).withPassword > 0) return undefined;
    if (kind === 'reset') {
      const user = await findUserRow(store.db, row.user_id ?? '');
      if (!user || user.state === 'disabled') return undefined;
    }
    return row;
  }

  return {
    async createLink({ kind, userId, email, lifetimeSeconds }, actor) {
      // An invitation for an address that has an account could never be redeemed.
      const check = kind === 'invitation' ? requireFreeEmail : (_db: unknown, text: string) => void parseEmail(text);
      if (email !== undefined) await checkFields({ email: () => check(store.db, email) });
      const address = email === undefined ? null : parseEmail(email).email;
      return change(actor, (scope) => addLink(scope, { kind, userId, email: address, lifetimeSeconds }));
    },

    async createUserWithLink(user, { lifetimeSeconds }, actor) {
      const passwordHash = await prepareNewUser(store.db, user, hasher, minimumLength);
      return change(actor, async (scope) => {
        const made = await insertUser(scope, user, passwordHash);
        const { link, token } = await addLink(scope, { kind: 'reset', userId: made.id, email: null, lifetimeSeconds });
        return { user: made, link, token };
      });
    },

    async noteMailed(linkId, email) {
      await store.db
        .updateTable('links')
        .set({ email: parseEmail(email).email })
        .where('id', '=', linkId)
        .where('kind', '=', 'reset')
        .execute();
    },

    async findLink(token, kind) {
      const row = await findOpenRow(token, kind);
      return row && toLink(row);
    },

    async redeemLink(token, kind, input, actor) {
      const row = await findOpenRow(token, kind);
      if (!row) throw linkInvalid();
      if (kind === 'reset') {
        const user = await findUserRow(store.db, row.user_id ?? '');
        if (!user) throw linkInvalid();
        await checkFields({ password: () => checkNewPassword(input.password, user, minimumLength, hasher) });
        const passwordHash = await hasher.hash(input.password);
        return change(actor, async (scope) => {
          await useLink(scope, row);
          const kept = { keepsConnections: input.keepsConnections };
          const present = await requireUser(scope, user.id);
          if (present.state === 'disabled') throw linkInvalid();
          if (row.email === present.email) await proveEmail(scope, user.id);
          return toUser(scope.db, await storePassword(scope, user.id, passwordHash, 'password_reset', kept));
        });
      }
      const newUser: NewUser = {
        username: input.username ?? '',
        email: row.email ?? input.email ?? '',
        password: input.password,
        isAdmin: kind === 'setup',
        state: 'active',
        isEmailProven: kind === 'invitation' && row.email !== null,
      };
      const passwordHash = await prepareNewUser(store.db, newUser, hasher, minimumLength);
      return change(actor, async (scope) => {
        if (kind === 'setup' && (await countAdmins(scope.db)).withPassword > 0) throw linkInvalid();
        await useLink(scope, row);
        return insertUser(scope, newUser, passwordHash);
      });
    },

    async listLinks() {
      const hasAdmin = (await countAdmins(store.db)).withPassword > 0;
      const rows = await store.db
        .selectFrom('links')
        .selectAll()
        .where('used_at', 'is', null)
        .where('expires_at', '>', clock.now())
        .orderBy('created_at', 'desc')
        .execute();
      return rows.filter((row) => row.kind !== 'setup' || !hasAdmin).map(toLink);
    },

    revokeLink: (id, actor) =>
      change(actor, async (scope) => {
        const removed = isId(id)
          ? await scope.db.deleteFrom('links').where('id', '=', id).where('used_at', 'is', null).executeTakeFirst()
          : undefined;
        if (removed?.numDeletedRows !== 1n)
          throw knotError('KNOT_ACCOUNTS_NO_LINK', 404, 'There is no such open link.');
        scope.announce({ topic: 'links', key: id });
        scope.audit('link.revoked', `link:${id}`);
      }),
  };
}

async function proveEmail(scope: ChangeScope, userId: string): Promise<void> {
  await scope.db.updateTable('users').set({ email_proven_at: scope.now }).where('id', '=', userId).execute();
}

type Wanted = { kind: LinkKind; userId?: string | undefined; email: string | null; lifetimeSeconds: number };

/** Adds a link and answers its token once; of links that are long over it forgets what is too old. */
async function addLink(
  scope: ChangeScope,
  { kind, userId, email, lifetimeSeconds }: Wanted,
): Promise<{ link: Link; token: string }> {
  const token = newSecret();
  const subject = await prepareLink(scope, kind, userId);
  await scope.db
    .deleteFrom('links')
    .where('expires_at', '<', scope.now - keepMs)
    .execute();
  const row: Row<'links'> = {
    token_hash: hashSecret(token),
    id: newId(),
    kind,
    user_id: kind === 'reset' ? (userId ?? null) : null,
    email,
    created_by: scope.actor,
    created_at: scope.now,
    expires_at: scope.now + lifetimeSeconds * 1000,
    used_at: null,
  };
  await scope.db.insertInto('links').values(row).execute();
  scope.announce({ topic: 'links', key: row.id });
  scope.audit('link.created', subject ?? `link:${row.id}`, { kind, id: row.id });
  return { link: toLink(row), token };
}

/** Whether such a link may be made, and the end of those it replaces. Returns whom it is about. */
async function prepareLink(scope: ChangeScope, kind: LinkKind, userId?: string): Promise<string | undefined> {
  if (kind === 'setup') {
    if ((await countAdmins(scope.db)).withPassword > 0) throw setupDone();
    await scope.db.deleteFrom('links').where('kind', '=', 'setup').where('used_at', 'is', null).execute();
  }
  if (kind !== 'reset') return undefined;
  const user = await findUserRow(scope.db, userId ?? '');
  if (!user) throw noSuchUser();
  if (user.state === 'disabled') {
    throw knotError('KNOT_ACCOUNTS_USER_DISABLED', 409, `The account "${user.username}" is disabled.`, {
      remedy: 'Enable it first.',
    });
  }
  await scope.db
    .deleteFrom('links')
    .where('kind', '=', 'reset')
    .where('user_id', '=', user.id)
    .where('used_at', 'is', null)
    .execute();
  return `user:${user.username}`;
}

/** Compare-and-set: of two people with the same link exactly one gets past this line. */
async function useLink(scope: ChangeScope, row: Row<'links'>): Promise<void> {
  const { numUpdatedRows } = await scope.db
    .updateTable('links')
    .set({ used_at: scope.now })
    .where('token_hash', '=', row.token_hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', scope.now)
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) throw linkInvalid();
  scope.announce({ topic: 'links', key: row.id });
  scope.audit('link.redeemed', `link:${row.id}`, { kind: row.kind });
}

function toLink(row: Row<'links'>): Link {
  return {
    id: row.id,
    kind: row.kind,
    userId: row.user_id,
    email: row.email,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
