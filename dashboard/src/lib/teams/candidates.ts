/** Who can be taken into a team: for admins any active person, for managers whoever they can name. */
import { peopleApi } from '#lib/api/people.ts';
import { teamsApi } from '#lib/api/teams.ts';
import type { Team } from '#lib/contract.ts';

/** `id`: managers are told none, and the gateway takes the name as well. */
export type Candidate = { id: string; username: string; email?: string };

/** From how many letters on the gateway finds more than a whole name. */
export const fewestLetters = 3;
const mostFound = 20;

/** Whoever fits what is typed and is not in the team. */
export function candidatesFor(
  team: Pick<Team, 'name'>,
  typed: string,
  isAdmin: boolean,
): Promise<readonly Candidate[]> {
  return isAdmin ? fromAll(team, typed) : byName(team, typed);
}

async function fromAll(team: Pick<Team, 'name'>, typed: string): Promise<readonly Candidate[]> {
  const { users } = await peopleApi.list({ q: typed, state: 'active', limit: mostFound });
  return users.filter(({ teams }) => !teams.some(({ name }) => name === team.name));
}

async function byName(team: Pick<Team, 'name'>, typed: string): Promise<readonly Candidate[]> {
  if (typed === '') return [];
  const [{ people }, { members }] = await Promise.all([
    peopleApi.search(typed),
    teamsApi.members(team.name, { q: typed, limit: 200 }),
  ]);
  const present = new Set(members.map(({ username }) => username));
  return people
    .filter(({ kind, name }) => kind === 'user' && !present.has(name))
    .map(({ name: username }) => ({ id: username, username }));
}
