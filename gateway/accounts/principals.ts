import { LRUCache } from 'lru-cache';
import { groupsOf, type Principal } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import type { Accounts } from './model.ts';
import { findUserRow, findUserRowByName, toUser } from './records.ts';

export type Principals = Pick<Accounts, 'principal' | 'peekPrincipal' | 'principalByName' | 'onChange'>;

const maximumCached = 10_000;

/**
 * Principals, kept in memory until the change feed says they changed, or can say nothing for a minute: then everybody's rights are
 * asked of the store, and whoever asks learns that it is away. A load that a change overtakes is handed to who asked
 * but not kept: it may have read the row from before the change.
 */
export function createPrincipals(store: Store): Principals {
  const cache = new LRUCache<string, Principal>({ max: maximumCached });
  const loading = new Map<string, Promise<Principal | undefined>>();
  const listeners = new Set<(userId: string) => void>();

  const forgetAll = (): void => {
    cache.clear();
    loading.clear();
  };

  store.onChange('users', (userId) => {
    cache.delete(userId);
    loading.delete(userId);
    for (const listener of listeners) listener(userId);
  });
  store.onSilence(forgetAll);
  store.onGap(forgetAll);

  function load(userId: string): Promise<Principal | undefined> {
    const work = readPrincipal(store, userId).then(
      (principal) => {
        if (loading.get(userId) === work) {
          loading.delete(userId);
          if (principal) cache.set(userId, principal);
        }
        return principal;
      },
      (error: unknown) => {
        if (loading.get(userId) === work) loading.delete(userId);
        throw error;
      },
    );
    loading.set(userId, work);
    return work;
  }

  async function principal(userId: string): Promise<Principal | undefined> {
    return cache.get(userId) ?? loading.get(userId) ?? load(userId);
  }

  return {
    principal,
    peekPrincipal: (userId) => cache.get(userId),
    async principalByName(username) {
      const row = await findUserRowByName(store.db, username);
      return row && principal(row.id);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

async function readPrincipal(store: Store, userId: string): Promise<Principal | undefined> {
  const row = await findUserRow(store.db, userId);
  if (!row) return undefined;
  const { id, username, email, isEmailProven, isAdmin, state, teams } = await toUser(store.db, row);
  const groups = groupsOf(
    username,
    isAdmin,
    teams.map((team) => team.name),
  );
  return { id, username, email, isEmailProven, isAdmin, state, teams, groups, version: row.version };
}
