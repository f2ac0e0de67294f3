import type { PublicAddress } from '../../config/index.ts';
import type { Route, Upstream } from '../../routes/index.ts';
import type { Integration } from '../integration.ts';

/** What is the same in every mode: name, address, route, how its sessions end, and OpenID client. */
export type Identity = Pick<Integration, 'name' | 'title' | 'url' | 'route' | 'ownSessions' | 'client'>;

export function describeIdentity(facts: {
  publicAddress: PublicAddress;
  title: string;
  clientSecret: string;
  upstream: Upstream;
}): Identity {
  const host = facts.publicAddress.hostOf('jupyterhub');
  const url = facts.publicAddress.originOf(host);
  return {
    name: 'jupyterhub',
    title: facts.title,
    url,
    // By the settings that it is given: `refresh_user` in hub-config.ts.
    ownSessions: [{ cookie: 'jupyterhub-hub-login', ends: 'compared' }],
    client: {
      clientId: 'jupyterhub',
      title: facts.title,
      secret: facts.clientSecret,
      redirectUris: [`${url}/hub/oauth_callback`],
      postLogoutRedirectUris: [`${facts.publicAddress.origin}/`],
    },
    route: describeRoute(host, facts.title, facts.upstream),
  };
}

/**
 * After each owned prefix comes a username. `/hub/user-redirect/`, `/hub/spawn` and `/hub/home` have none and stay open: the
 * hub itself sends everybody to their own. API calls with the hub's tokens come over loopback, not through the gateway,
 * so nothing is untouched.
 */
function describeRoute(host: string, title: string, upstream: Upstream): Route {
  return {
    host,
    name: 'jupyterhub',
    kind: 'integration',
    title,
    audience: 'everyone',
    upstream,
    ownedPrefixes: ['/user/', '/hub/user/', '/hub/spawn/', '/hub/spawn-pending/', '/hub/api/users/'],
    untouchedPrefixes: [],
    // JupyterLab addresses files as `a%2Fb`.
    switches: { encodedSlash: true, methods: [] },
  };
}
