import { existsSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Accounts } from '../accounts/index.ts';
import { areaOfKey, type Files } from '../files/index.ts';
import type { FilesOf } from '../integrations/index.ts';
import type { Principal } from '../lib/index.ts';
import type { Owner, Owners } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';
import type { OwnersFiles } from '../services/index.ts';
import { createTeamAreas } from './team-areas.ts';

type Parts = {
  files: Files;
  accounts: Pick<Accounts, 'principal' | 'principalByName' | 'findTeam'>;
  owners: Pick<Owners, 'areasOf'>;
  policy: Pick<Policy, 'decide'>;
  domain: string;
};

const folderOf = (files: Files, key: string): string => files.pathOf(areaOfKey(key)!);

/** Of somebody active: their own files, those of everyone, those of their teams. */
function createFilesOfPerson({ files, ...parts }: Parts) {
  const teamAreasOf = createTeamAreas(parts);
  return async (principal: Principal | undefined) => {
    if (principal?.state !== 'active') return undefined;
    const teams = await teamAreasOf(principal);
    return {
      private: folderOf(files, `private/${principal.id}`),
      shared: folderOf(files, 'shared'),
      teams: teams.map((area) => ({ name: area.owner!.name, folder: folderOf(files, area.key) })),
    };
  };
}

/** Tells where the files of a person lie, for a notebook server that starts now. */
export function createFilesOf({ dataFolder, ...parts }: Parts & { dataFolder: string }): FilesOf {
  const filesOf = createFilesOfPerson(parts);
  return async (username) => {
    const found = await filesOf(await parts.accounts.principalByName(username));
    if (found) adoptEarlier(join(dataFolder, 'files/users', username), found.private);
    return found;
  };
}

/**
 * Tells where the files of an owner lie, for a service that starts now. What belongs to a team sees the team's files and those of
 * everyone, never those of a person: it acts for all of them.
 */
export function createFilesOfOwner(
  parts: Parts,
): (owner: Pick<Owner, 'kind' | 'id'>) => Promise<OwnersFiles | undefined> {
  const { files, accounts } = parts;
  const filesOf = createFilesOfPerson(parts);
  return async ({ kind, id }) => {
    if (kind === 'user') return filesOf(await accounts.principal(id));
    const team = await accounts.findTeam(id);
    return (
      team && { shared: folderOf(files, 'shared'), teams: [{ name: team.name, folder: folderOf(files, `team/${id}`) }] }
    );
  };
}

/** Until release 0.2 the folder of a person had their name. */
function adoptEarlier(earlier: string, folder: string): void {
  if (!existsSync(earlier)) return;
  try {
    rmdirSync(folder);
  } catch {
    return; // Something is in the new one already: both stay, and an operator merges them.
  }
  renameSync(earlier, folder);
}
