import type { Access } from './state.ts';

const each = (resource: string, actions: string): string[] =>
  actions.split(' ').map((action) => `${resource}:${action}`);

/** What a robot may be given at all, of what Knot and registry clients ask (`common/rbac/const.go`). Nobody may be let change robots. */
const givable: Record<string, ReadonlySet<string>> = {
  system: new Set([
    ...each('project', 'list create'),
    ...each('quota', 'read list update'),
    ...each('robot', 'create read list delete'),
    ...each('user', 'create read update list delete'),
    ...each('user-group', 'create read update list delete'),
    ...each('catalog', 'read'),
  ]),
  project: new Set([
    ...each('project', 'read delete update'),
    ...each('repository', 'read update delete list pull push'),
    ...each('artifact', 'read create list delete'),
    ...each('tag', 'create list delete'),
    ...each('robot', 'create read list delete'),
    ...each('member', 'create read update list delete'),
    ...each('quota', 'read'),
  ]),
};

/** The first that no robot may be given; undefined when there is none. */
export const neverGiven = (kind: string, access: readonly Access[]): string | undefined =>
  access.map(({ resource, action }) => `${resource}:${action}`).find((one) => !givable[kind]?.has(one));
