import { invitationsApi } from '#lib/api/invitations.ts';
import { peopleApi } from '#lib/api/people.ts';
import type { User, UserQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

const pageSize = 20;
const states: readonly string[] = ['pending', 'active', 'disabled'];

export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('users'), changeKey('teams'), changeKey('links'));
  const search = url.searchParams.get('search') ?? '';
  const state = stateOf(url.searchParams.get('state'));
  const isInvitations = url.searchParams.get('view') === 'invitations';
  const page = Math.max(1, Math.trunc(Number(url.searchParams.get('page'))) || 1);
  const query: UserQuery = { search, limit: pageSize, offset: (page - 1) * pageSize, ...(state ? { state } : {}) };
  const [people, { invitations }] = await Promise.all([
    orErrorPage(() => peopleApi.list(query)),
    orErrorPage(invitationsApi.list),
  ]);
  const fitting = invitations.filter(({ email }) => (email ?? '').toLowerCase().includes(search.trim().toLowerCase()));
  return { ...people, invitations: fitting, isInvitations, search, state, page, pageSize };
};

function stateOf(text: string | null): User['state'] | undefined {
  return text !== null && states.includes(text) ? (text as User['state']) : undefined;
}
