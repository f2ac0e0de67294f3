import { dayMs, type KnotError, knotError, newId } from '../lib/index.ts';
import type { Row, Store } from '../store/index.ts';
import type { ChangeScope } from './change.ts';
import { parseEmail } from './email.ts';
import type { NewUser, User } from './model.ts';
import { requireFreeName, requireGoodName, takeName } from './names.ts';
import type { PasswordHasher } from './password-hash.ts';
import { checkPassword } from './password-rules.ts';
import { checkFields } from './problems.ts';
import { toUser } from './records.ts';

/** How long a sign-up waits for an admin before it makes room. */
const waitingMs = 30 * dayMs;
const mostWaiting = 1000;

/**
 * Everything that can be refused, all of it at once; returns the hash of the password, if there is one. A sign-up that waits for
 * approval is not compared with the accounts there are: its answer would tell anybody who is here.
 * @throws KNOT_ACCOUNTS_NAME_*, KNOT_ACCOUNTS_EMAIL_*, KNOT_ACCOUNTS_PASSWORD_WEAK, KNOT_ACCOUNTS_INPUT
 */
export async function prepareNewUser(
  db: Store['db'],
  user: NewUser,
  hasher: PasswordHasher,
  minimumLength: number,
): Promise<string | null> {
  const { username, email, password, state } = user;
  const isTaking = state !== 'pending';
  await checkFields({
    username: () => (isTaking ? requireFreeName(db, username) : requireGoodName(username)),
    email: () => (isTaking ? requireFreeEmail(db, email) : void parseEmail(email)),
    password: password === undefined ? undefined : () => checkPassword(password, user, minimumLength),
  });
  return password === undefined ? null : hasher.hash(password);
}

/**
 * Adds an account. One that waits for approval takes neither name nor address: several may wish for the same, and what nobody
 * approves burns nothing. Where both are unique it has a placeholder that no form accepts.
 * @throws KNOT_ACCOUNTS_SIGN_UPS_FULL
 */
export async function insertUser(scope: ChangeScope, user: NewUser, passwordHash: string | null): Promise<User> {
  const { email, key } = parseEmail(user.email);
  const id = newId();
  const isWaiting = user.state === 'pending';
  if (isWaiting) await makeRoom(scope);
  const row: Row<'users'> = {
    id,
    username: isWaiting ? placeholder(id) : user.username,
    wished_name: isWaiting ? user.username : null,
    email,
    email_key: isWaiting ? placeholder(id) : key,
    is_admin: user.isAdmin ? 1 : 0,
    state: user.state,
    password_hash: passwordHash,
    credential_version: 1,
    version: 1,
    created_at: scope.now,
    last_sign_in_at: null,
    email_proven_at: user.isEmailProven === true ? scope.now : null,
  };
  if (!isWaiting) {
    await checkFields({
      username: () => takeName(scope, user.username, 'user', id),
      email: () => requireFreeEmail(scope.db, email),
    });
  }
  await scope.db.insertInto('users').values(row).execute();
  scope.announce({ topic: 'users', key: id });
  scope.audit('user.created', `user:${user.username}`, { id, state: row.state, admin: row.is_admin === 1 });
  return toUser(scope.db, row);
}

const placeholder = (id: string): string => `?${id}`;

/** Whether an account waits under a name it wished for and does not have yet. */
export function isWishing(row: Row<'users'>): row is Row<'users'> & { wished_name: string } {
  return row.wished_name !== null;
}

/**
 * Gives an approved sign-up its name and address: from now on they are taken. Of several who wish for the same the first who is
 * approved gets it; the others go on waiting, and who approves them is told.
 * @throws KNOT_ACCOUNTS_NAME_TAKEN, KNOT_ACCOUNTS_NAME_ALIKE, KNOT_ACCOUNTS_EMAIL_TAKEN, KNOT_ACCOUNTS_INPUT
 */
export async function takeWish(scope: ChangeScope, row: Row<'users'> & { wished_name: string }): Promise<void> {
  const { id, wished_name: username, email } = row;
  await checkFields({
    username: () => takeName(scope, username, 'user', id),
    email: () => requireFreeEmail(scope.db, email),
  });
  await scope.db
    .updateTable('users')
    .set({ username, email_key: parseEmail(email).key, wished_name: null })
    .where('id', '=', id)
    .execute();
}

/** Sign-ups nobody looked at, and refused ones, are forgotten after their time; beyond a bound no more are taken. */
async function makeRoom(scope: ChangeScope): Promise<void> {
  const forgotten = await scope.db
    .deleteFrom('users')
    .where('wished_name', 'is not', null)
    .where('created_at', '<', scope.now - waitingMs)
    .returning('id')
    .execute();
  for (const { id } of forgotten) scope.announce({ topic: 'users', key: id });
  const { waiting } = await scope.db
    .selectFrom('users')
    .select(({ fn }) => fn.countAll<number>().as('waiting'))
    .where('wished_name', 'is not', null)
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow();
  if (waiting < mostWaiting) return;
  throw knotError('KNOT_ACCOUNTS_SIGN_UPS_FULL', 503, 'Too many people wait for approval already.', {
    remedy: 'Ask an administrator for an invitation.',
  });
}

/** @throws KNOT_ACCOUNTS_EMAIL_INVALID, KNOT_ACCOUNTS_EMAIL_TAKEN */
export async function requireFreeEmail(db: Store['db'], email: string, exceptId = ''): Promise<void> {
  const { key } = parseEmail(email);
  const owner = await db.selectFrom('users').select('id').where('email_key', '=', key).executeTakeFirst();
  if (owner && owner.id !== exceptId) throw emailTaken();
}

function emailTaken(): KnotError {
  return knotError('KNOT_ACCOUNTS_EMAIL_TAKEN', 409, 'This e-mail address belongs to another account.', {
    remedy: 'Use another address, or recover the account it belongs to.',
  });
}
