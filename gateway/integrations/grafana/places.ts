import type { Ask } from '../ask.ts';
import type { Integration, ToolOwner } from '../integration.ts';
import { edits, type Grant, provideFolder } from './folders.ts';

/** A person's or a team's part of Grafana: a folder that they alone see and edit, and for a team the team of those in it. */
export type GrafanaPlace = Pick<Required<Integration>, 'provide'>;

type User = { id: number; login: string; email: string; isDisabled?: boolean };
type Team = { id: number; uid: string; name: string };

/**
 * `makesPeople`: where Grafana is told who asks by each request it takes a person by their name, and so they may be made before they come.
 * `newPassword`: one that nobody knows, because people have none there.
 */
export function createGrafanaPlaces(
  ask: Ask,
  { makesPeople, newPassword }: { makesPeople: boolean; newPassword(): string },
): GrafanaPlace {
  async function findUser(login: string): Promise<User | undefined> {
    const { status, body } = await ask<User>('GET', `/api/users/lookup?loginOrEmail=${encodeURIComponent(login)}`, {
      also: [404],
    });
    // It looks among addresses too.
    return status === 404 || body.login !== login ? undefined : body;
  }

  async function makeUser({ name, email = '' }: ToolOwner): Promise<User | undefined> {
    const found = await findUser(name);
    if (found || !makesPeople) return found;
    const body = { login: name, email, name, password: newPassword() };
    // 412: somebody else has the address. They come in by their own token all the same, or are told why not.
    const { status } = await ask('POST', '/api/admin/users', { body, also: [412] });
    return status === 412 ? undefined : findUser(name);
  }

  async function providePerson(owner: ToolOwner): Promise<void | 'unknown'> {
    const user = owner.isPaused ? await findUser(owner.name) : await makeUser(owner);
    if (user === undefined) return makesPeople ? undefined : 'unknown';
    const isDisabled = user.isDisabled === true;
    if (owner.isPaused && !isDisabled) {
      await ask('POST', `/api/admin/users/${user.id}/disable`);
      // What Grafana keeps of a session of its own ends too.
      await ask('POST', `/api/admin/users/${user.id}/logout`);
    }
    if (owner.isPaused) return;
    if (isDisabled) await ask('POST', `/api/admin/users/${user.id}/enable`);
    await provideFolderOf(owner, { userId: user.id, permission: edits });
  }

  async function provideTeam(owner: ToolOwner): Promise<void> {
    const team = await makeTeam(owner);
    await setMembers(team, owner.members ?? []);
    await provideFolderOf(owner, { teamId: team.id, permission: edits });
  }

  const teamName = ({ name }: ToolOwner): string => `knot-team-${name}`;

  async function findTeam(owner: ToolOwner): Promise<Team | undefined> {
    const { body } = await ask<{ teams: Team[] }>('GET', `/api/teams/search?name=${teamName(owner)}`);
    return body.teams.find(({ name }) => name === teamName(owner));
  }

  async function makeTeam(owner: ToolOwner): Promise<Team> {
    const found = await findTeam(owner);
    if (found) return found;
    await ask('POST', '/api/teams', { body: { name: teamName(owner) }, also: [409] });
    const made = await findTeam(owner);
    if (made === undefined) throw new Error(`the team ${teamName(owner)} was made and is not there`);
    return made;
  }

  async function setMembers({ id }: Team, names: readonly string[]): Promise<void> {
    const { body: members } = await ask<{ userId: number; login: string }[]>('GET', `/api/teams/${id}/members`);
    const wanted = new Set(names);
    const there = new Set(members.map(({ login }) => login));
    // Who left goes first.
    for (const { userId, login } of members)
      if (!wanted.has(login)) await ask('DELETE', `/api/teams/${id}/members/${userId}`, { also: [404] });
    for (const name of wanted) {
      if (there.has(name)) continue;
      const user = await findUser(name);
      // 400: somebody was faster.
      if (user) await ask('POST', `/api/teams/${id}/members`, { body: { userId: user.id }, also: [400] });
    }
  }

  function provideFolderOf({ id, kind, name, title }: ToolOwner, grant: Grant): Promise<void> {
    return provideFolder(ask, { uid: id, title: kind === 'team' ? `${title} (team)` : name, grants: [grant] });
  }

  /** What somebody made stays for administrators to look at; nobody else sees it. */
  async function retire(owner: ToolOwner): Promise<void> {
    const folder = await ask('GET', `/api/folders/${owner.id}`, { also: [404] });
    if (folder.status !== 404) await ask('POST', `/api/folders/${owner.id}/permissions`, { body: { items: [] } });
    if (owner.kind === 'team') {
      const team = await findTeam(owner);
      if (team) await ask('DELETE', `/api/teams/${team.id}`, { also: [404] });
      return;
    }
    const user = await findUser(owner.name);
    if (user) await ask('DELETE', `/api/admin/users/${user.id}`, { also: [404] });
  }

  return {
    async provide(owner) {
      if (owner.isGone) return retire(owner);
      if (owner.kind === 'team') return provideTeam(owner);
      return providePerson(owner);
    },
  };
}
