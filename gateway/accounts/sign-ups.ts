import type { Store } from '../store/index.ts';
import type { Change } from './change.ts';
import { parseEmail } from './email.ts';
import type { Accounts } from './model.ts';
import { requireFreeName } from './names.ts';
import { insertUser, prepareNewUser } from './new-user.ts';
import type { PasswordHasher } from './password-hash.ts';
import { checkFields } from './problems.ts';
import { findUserRowBySignIn } from './records.ts';

export type SignUpParts = {
  store: Store;
  change: Change;
  hasher: PasswordHasher;
  minimumLength: number;
  createLink: Accounts['createLink'];
};

export type SignUps = Pick<Accounts, 'askForAccount' | 'askForLink'>;

/**
 * What strangers may ask for. The answers are for the mailbox that was named, never for who asked: they tell who has an account
 * (decision 0020).
 */
export function createSignUps({ store, change, hasher, minimumLength, createLink }: SignUpParts): SignUps {
  const ownerOf = async (email: string) => (await findUserRowBySignIn(store.db, email.toLowerCase()))?.username;

  return {
    async askForAccount(wish, actor, { isTold }) {
      const user = { ...wish, state: 'pending' } as const;
      // The password is hashed in each case, so that all of them take the same time.
      const passwordHash = await prepareNewUser(store.db, user, hasher, minimumLength);
      const owner = isTold ? await ownerOf(wish.email) : undefined;
      if (owner !== undefined) return { outcome: 'known', username: owner };
      if (isTold && !(await isFree(store, wish.username))) return { outcome: 'name-taken' };
      await change(actor, (scope) => insertUser(scope, user, passwordHash));
      return { outcome: 'waiting' };
    },
    async askForLink({ email, lifetimeSeconds }, actor) {
      await checkFields({ email: () => parseEmail(email) });
      const owner = await ownerOf(email);
      if (owner !== undefined) return { outcome: 'known', username: owner };
      return { outcome: 'link', ...(await createLink({ kind: 'invitation', email, lifetimeSeconds }, actor)) };
    },
  };
}

function isFree(store: Store, username: string): Promise<boolean> {
  return requireFreeName(store.db, username).then(
    () => true,
    () => false,
  );
}
