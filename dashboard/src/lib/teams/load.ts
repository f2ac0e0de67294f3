/** What the list of a team's members asks for, on the page of admins and on that of who is in it. */
import { teamsApi } from '#lib/api/teams.ts';
import type { MemberPage, MemberQuery } from '#lib/contract.ts';
import { orErrorPage } from '#lib/load.ts';
import { type ListAddress, readAddress } from '#lib/ui/list/address.ts';

const pageSize = 20;

export async function loadMembers(
  name: string,
  parameters: URLSearchParams,
): Promise<{ page: MemberPage; address: ListAddress<'role'>; pageSize: number }> {
  const address = readAddress(parameters, {
    sorts: ['name', 'role', 'since'],
    filters: { role: ['manager', 'member'] },
  });
  const { q, sort, page, filters } = address;
  const query = { ...filters, q, sort, page, limit: pageSize } as MemberQuery;
  return { page: await orErrorPage(() => teamsApi.members(name, query)), address, pageSize };
}
