import { createToolPlaces, type Integration, type ToolOwners, type ToolPlaces } from '../integrations/index.ts';
import type { Clock, Log } from '../lib/index.ts';
import type { Facts } from './facts.ts';

/** What people and teams have in tools, from accounts and plans. Nothing is begun. */
export function openToolPlaces(
  tools: readonly Integration[],
  { facts, clock, log }: { facts: Pick<Facts, 'store' | 'accounts' | 'plans' | 'audit'>; clock: Clock; log: Log },
): ToolPlaces {
  const { store, audit } = facts;
  return createToolPlaces({ tools, owners: toolOwners(facts), store, record: audit.record, clock, log });
}

/** More members than this are not told to a tool. */
const mostMembers = 10_000;

function toolOwners({ accounts, plans }: Pick<Facts, 'accounts' | 'plans'>): ToolOwners {
  const storageOf = async (kind: 'user' | 'team', id: string) => (await plans.of({ kind, id })).plan?.storage;
  return {
    async teamsOf(id) {
      const names = (await accounts.principal(id))?.teams.map(({ name }) => name) ?? [];
      const found = await Promise.all(names.map((name) => accounts.findOwner(name)));
      return found.flatMap((owner) => owner?.id ?? []);
    },
    ids: async () => (await accounts.listOwners()).map(({ id }) => id),
    async find(id) {
      const principal = await accounts.principal(id);
      if (principal !== undefined) {
        const { state, username, email } = principal;
        if (state !== 'active' && state !== 'disabled') return undefined;
        const storage = await storageOf('user', id);
        return { kind: 'user', id, name: username, title: username, email, storage, isPaused: state === 'disabled' };
      }
      const team = await accounts.findTeam(id);
      if (team === undefined) return undefined;
      const { members } = await accounts.findMembers(id, { searchesEmail: false, limit: mostMembers, offset: 0 });
      const active = members.filter(({ state }) => state === 'active');
      return {
        kind: 'team',
        ...team,
        members: active.map(({ username }) => username),
        managers: active.filter(({ role }) => role === 'manager').map(({ username }) => username),
        storage: await storageOf('team', id),
        isPaused: false,
      };
    },
  };
}
