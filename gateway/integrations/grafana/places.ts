import type { Ask } from '../ask.ts';
import type { ToolOwner } from '../integration.ts';

/** A person's or a team's part of Grafana: a folder that they alone see and edit, and for a team the team of those in it. */
export type GrafanaPlace = { provide(owner: ToolOwner): Promise<void> };

type User = { id: number; login: string; email: string; isDisabled?: boolean };
type Team = { id: number; uid: string; name: string };
type Grant = { userId?: number; teamId?: number; role?: string; permission: number };

/** Edit, of view (1), edit (2) and admin (4). Grafana, "Folder permissions API". */
const edits = 2;

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

  async function providePerson(owner: ToolOwner): Promise<void> {
    const user = owner.isPaused ? await findUser(owner.name) : await makeUser(owner);
    if (user === undefined) return;
    const isDisabled = user.isDisabled === true;
    if (owner.isPaused && !isDisabled) {
      await ask('POST', `/api/admin/users/${user.id}/disable`);
      // What Grafana keeps of a session of its own ends too.
      await ask('POST', `/api/admin/users/${user.id}/logout`);
    }
    if (owner.isPaused) return;
    if (isDisabled) await ask('POST', `/api/admin/users/${user.id}/enable`);
    await provideFolder(owner, [{ userId: user.id, permission: edits }]);
  }

  async function provideTeam(owner: ToolOwner): Promise<void> {
    const team = await makeTeam(owner);
    await setMembers(team, owner.members ?? []);
    await provideFolder(owner, [{ teamId: team.id, permission: edits }]);
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

  /**
   * A folder is everybody's until its rights are set (community.grafana#213): a new one whose rights do not hold is taken away again.
   */
  async function provideFolder(owner: ToolOwner, grants: readonly Grant[]): Promise<void> {
    const uid = owner.id;
    const title = owner.kind === 'team' ? `${owner.title} (team)` : owner.name;
    const before = await ask<{ title: string; version: number }>('GET', `/api/folders/${uid}`, { also: [404] });
    const isNew = before.status === 404;
    if (isNew) await ask('POST', '/api/folders', { body: { uid, title }, also: [409, 412] });
    else if (before.body.title !== title) await ask('PUT', `/api/folders/${uid}`, { body: { title, overwrite: true } });
    try {
      if (!isNew && (await holds(uid, grants))) return;
      await ask('POST', `/api/folders/${uid}/permissions`, { body: { items: grants } });
      if (!(await holds(uid, grants))) throw new Error(`the rights of the folder ${uid} were set and do not hold`);
    } catch (error) {
      if (isNew) await ask('DELETE', `/api/folders/${uid}`, { also: [404] }).catch(() => undefined);
      throw error;
    }
  }

  async function holds(uid: string, grants: readonly Grant[]): Promise<boolean> {
    const { body } = await ask<(Grant & { inherited?: boolean })[]>('GET', `/api/folders/${uid}/permissions`);
    const told = body
      .filter(({ inherited, role }) => inherited !== true && role !== 'Admin')
      .map(({ userId, teamId, role, permission }) => [userId || 0, teamId || 0, role ?? '', permission].join());
    const wanted = grants.map(({ userId = 0, teamId = 0, permission }) => [userId, teamId, '', permission].join());
    return told.length === wanted.length && wanted.every((one) => told.includes(one));
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
