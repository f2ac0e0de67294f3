const each = (resource: string, ...actions: string[]) => actions.map((action) => ({ resource, action }));

/**
 * What Knot does as a system robot in place of the administrator, as `POST /api/v2.0/robots` takes it. `robot: update` is in neither list,
 * as Harbor gives it to nobody: what may be updated in all projects includes their robots.
 */
export const robotPermissions = [
  {
    kind: 'system',
    namespace: '/',
    access: [
      ...each('project', 'create', 'list'),
      ...each('quota', 'list', 'read', 'update'),
      ...each('user', 'list', 'read', 'update', 'delete'),
    ],
  },
  {
    kind: 'project',
    namespace: '*',
    access: [
      ...each('project', 'read', 'update', 'delete'),
      ...each('member', 'list', 'create', 'update', 'delete'),
      ...each('robot', 'create', 'list', 'read', 'delete'),
      ...each('repository', 'list', 'read', 'pull'),
      ...each('artifact', 'list', 'read'),
    ],
  },
];
