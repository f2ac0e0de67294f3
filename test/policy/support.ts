import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Action,
  type AuthorizationRequest,
  groupsOf,
  type Principal,
  type RequestContext,
  type Resource,
} from '../../gateway/lib/index.ts';
import { readFolder } from '../../gateway/policy/folder.ts';
import { type Trial, tryPolicies } from '../../gateway/policy/trial.ts';

export const shippedFolder = join(import.meta.dirname, '../../policies');

/** A copy of the shipped policies that a test may spoil; removed by the test's own teardown. */
export function copyOfShipped(teardown: (clean: () => void) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-policies-'));
  cpSync(shippedFolder, folder, { recursive: true });
  teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What the process in which policies are tried comes to, without the process: for tables of many folders. */
export async function tryFolder(folder: string): Promise<Trial & { isCurrent: boolean }> {
  const trial = await tryPolicies(await readFolder(folder), () => undefined);
  return { ...trial, isCurrent: !trial.problems.some(({ severity }) => severity === 'error') };
}

export function person(username: string, facts: Partial<Principal> = {}): Principal {
  const teams = facts.teams ?? [];
  return {
    id: `id-of-${username}`,
    username,
    email: `${username}@example.org`,
    isAdmin: false,
    state: 'active',
    teams,
    groups: groupsOf(
      username,
      facts.isAdmin ?? false,
      teams.map(({ name }) => name),
    ),
    version: 1,
    ...facts,
  };
}

export const notebooks: Resource = {
  type: 'Integration',
  id: 'jupyterhub',
  attributes: { name: 'jupyterhub', title: 'Notebooks', audience: 'everyone' },
};

export function notebookOf(owner: string): Resource {
  return {
    type: 'Service',
    id: `jupyterhub/${owner}`,
    attributes: { ...notebooks.attributes, owner },
    parent: { type: 'Integration', id: 'jupyterhub' },
  };
}

const quiet: RequestContext = {
  method: 'GET',
  host: 'jupyterhub.localhost',
  path: '/',
  address: '127.0.0.1',
  isUpgrade: false,
};

export function ask(
  principal: Principal,
  action: Action,
  resource: Resource,
  context: Partial<RequestContext> = {},
): AuthorizationRequest {
  return { principal, action, resource, context: { ...quiet, ...context } };
}
