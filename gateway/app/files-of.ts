import { existsSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Accounts } from '../accounts/index.ts';
import { areaOfKey, type Files } from '../files/index.ts';
import type { FilesOf } from '../integrations/index.ts';
import type { Principal } from '../lib/index.ts';
import { type Area, areaResource, type Owner, type Owners } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';
import type { OwnersFiles } from '../services/index.ts';

/** A program reads and writes: only who may do both gets the folder. */
function createMayUse(policy: Pick<Policy, 'decide'>, domain: string): (principal: Principal, area: Area) => boolean {
  const context = { method: 'GET', host: domain, path: '/', address: '127.0.0.1', isUpgrade: false };
  return (principal, area) =>
    (['readFiles', 'writeFiles'] as const).every(
      (action) => policy.decide({ principal, action, resource: areaResource(area), context }).effect === 'allow',
    );
}

/** Tells where the files of a person lie, for a notebook server that starts now: their own, those of everyone, those of their teams. */
export function createFilesOf(parts: {
  files: Files;
  accounts: Pick<Accounts, 'principalByName'>;
  owners: Pick<Owners, 'areasOf'>;
  policy: Pick<Policy, 'decide'>;
  dataFolder: string;
  domain: string;
}): FilesOf {
  const { files, accounts, owners, policy, dataFolder, domain } = parts;

  const mayUse = createMayUse(policy, domain);
  const folderOf = ({ key }: Area): string => files.pathOf(areaOfKey(key)!);

  return async (username) => {
    const principal = await accounts.principalByName(username);
    if (principal?.state !== 'active') return undefined;
    const areas = await owners.areasOf(principal);
    const own = areas.find(({ kind }) => kind === 'private');
    const shared = areas.find(({ kind }) => kind === 'shared');
    if (own === undefined || shared === undefined) return undefined;
    const teams = areas.filter((area) => area.kind === 'team' && mayUse(principal, area));
    const folder = folderOf(own);
    adoptEarlier(join(dataFolder, 'files/users', username), folder);
    return {
      private: folder,
      shared: folderOf(shared),
      teams: teams.map((area) => ({ name: area.owner!.name, folder: folderOf(area) })),
    };
  };
}

/**
 * Tells where the files of an owner lie, for a service that starts now. What belongs to a team sees the team's files and those of
 * everyone, never those of a person: it acts for all of them.
 */
export function createFilesOfOwner(parts: {
  files: Files;
  accounts: Pick<Accounts, 'principal' | 'findTeam'>;
  owners: Pick<Owners, 'areasOf'>;
  policy: Pick<Policy, 'decide'>;
  domain: string;
}): (owner: Pick<Owner, 'kind' | 'id'>) => Promise<OwnersFiles | undefined> {
  const { files, accounts, owners, policy, domain } = parts;
  const mayUse = createMayUse(policy, domain);
  const folderOf = (key: string): string => files.pathOf(areaOfKey(key)!);
  return async ({ kind, id }) => {
    const shared = folderOf('shared');
    if (kind === 'team') {
      const team = await accounts.findTeam(id);
      return team && { shared, teams: [{ name: team.name, folder: folderOf(`team/${id}`) }] };
    }
    const principal = await accounts.principal(id);
    if (principal?.state !== 'active') return undefined;
    const areas = await owners.areasOf(principal);
    const teams = areas.filter((area) => area.kind === 'team' && mayUse(principal, area));
    return {
      private: folderOf(`private/${id}`),
      shared,
      teams: teams.map((area) => ({ name: area.owner!.name, folder: folderOf(area.key) })),
    };
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
