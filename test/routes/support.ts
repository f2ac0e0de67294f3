import type { Route } from '../../gateway/routes/index.ts';

export function route(name: string, facts: Partial<Route> = {}): Route {
  return {
    host: `${name}.localhost`,
    name,
    kind: 'app',
    title: name,
    audience: 'everyone',
    upstream: { protocol: 'http:', hostname: '10.0.0.7', port: 9000, allowLoopback: false },
    ownedPrefixes: [],
    untouchedPrefixes: [],
    switches: { encodedSlash: false, methods: [] },
    ...facts,
  };
}

export const hub = route('jupyterhub', {
  kind: 'integration',
  title: 'Notebooks',
  ownedPrefixes: ['/user/', '/hub/user/', '/hub/api/users/'],
  switches: { encodedSlash: true, methods: [] },
});
