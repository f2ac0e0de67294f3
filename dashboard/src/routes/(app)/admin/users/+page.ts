import { redirect } from '@sveltejs/kit';
import { invitationsApi } from '#lib/api/invitations.ts';
import { peopleApi } from '#lib/api/people.ts';
import type { UserQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { urls } from '#lib/urls.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import { shape } from './people.ts';
import type { PageLoad } from './$types';

const pageSize = 20;

export const load: PageLoad = async ({ url, depends }) => {
  // Addresses of before: a person was a sheet of this list.
  const person = url.searchParams.get('user');
  if (person) redirect(307, urls.user({ id: person }));
  depends(changeKey('users'), changeKey('teams'), changeKey('links'));
  const address = readAddress(url.searchParams, shape);
  const { view, isAdmin, ...filters } = address.filters;
  const query = {
    ...filters,
    q: address.q,
    sort: address.sort,
    page: view ? 1 : address.page,
    limit: view ? 1 : pageSize,
    ...(isAdmin ? { isAdmin: true } : {}),
  } as UserQuery;
  const [people, { invitations }] = await Promise.all([
    orErrorPage(() => peopleApi.list(query)),
    orErrorPage(invitationsApi.list),
  ]);
  const searched = address.q.toLowerCase();
  return {
    people,
    invitations: invitations.filter(({ email }) => (email ?? '').toLowerCase().includes(searched)),
    address,
    pageSize,
  };
};
