import type { AppSettings } from '../../config/index.ts';
import type { Route } from '../../routes/index.ts';
import { elsewhere } from '../elsewhere.ts';
import type { ToolGround } from '../ground.ts';
import type { Integration } from '../integration.ts';
import type { OwnSession } from '../own-session.ts';
import { signInSettings } from './settings.ts';

/** An application of `apps` that signs people in, or is told of them, in a way of its own. */
export type ApplicationOptions = ToolGround & {
  app: AppSettings;
  /** Its route as that of a plain application. */
  route: Route;
  /** The configured secret of the OpenID client, and the token that everybody's requests carry. */
  secrets: { client?: string | undefined; token?: string | undefined };
};

/**
 * A tool of which Knot knows nothing but what `knot.yaml` says: an OpenID client (`oidc`), or one that is told who asks by fields
 * (`header`), by a signed token (`jwt`), or not at all, with one secret for everybody (`token`).
 */
export function createApplication(options: ApplicationOptions): Integration {
  const { app, publicAddress, secrets } = options;
  const { name, kind } = app;
  const route: Route = { ...options.route, kind: 'integration', switches: switchesOf(options) };
  const url = `${publicAddress.originOf(route.host)}/`;
  const secret = kind === 'oidc' ? options.clientSecret(name, secrets.client) : undefined;
  const field = tokenFieldOf(app);
  return {
    name,
    title: route.title,
    url,
    route,
    ownSessions: ownSessionsOf(app),
    ...(secret !== undefined && {
      client: {
        clientId: name,
        title: route.title,
        secret,
        redirectUris: app.redirectPaths.map((path) => new URL(path, url).href),
        postLogoutRedirectUris: [`${publicAddress.origin}/`, url],
      },
    }),
    ...(secrets.token !== undefined && {
      credentials: async () => [field, field === 'authorization' ? `Bearer ${secrets.token}` : secrets.token!],
    }),
    ...stateOf(app),
    settings: () => signInSettings(app, { publicAddress, url, secret, caFile: options.caFile }),
  };
}

/** As far as the entry says them. */
export const ownSessionsOf = ({
  signInCookies,
  withheldCookies,
}: Pick<AppSettings, 'signInCookies' | 'withheldCookies'>): OwnSession[] => [
  ...signInCookies.map((cookie): OwnSession => ({ cookie, ends: 'tied' })),
  ...withheldCookies.map((cookie): OwnSession => ({ cookie, ends: 'withheld' })),
];

function stateOf({ name, probe }: AppSettings) {
  const watched = elsewhere({ name, words: '', probePath: typeof probe === 'string' ? probe : '/' });
  if (probe !== false) return watched;
  const { probePath: _, ...rest } = watched;
  return {
    ...rest,
    tile: () => ({ status: 'unwatched' as const, message: 'Knot does not watch whether it runs.' }),
    health: () => [],
  };
}

/** The field that a token stands in, in lower case. */
function tokenFieldOf({ kind, tokenField }: AppSettings): string {
  return (tokenField ?? (kind === 'token' ? 'Authorization' : 'X-JWT-Assertion')).toLowerCase();
}

function switchesOf({ app, route }: ApplicationOptions): Route['switches'] {
  const { switches } = route;
  const { kind } = app;
  if (kind === 'jwt') return { ...switches, identityFields: { token: tokenFieldOf(app) } };
  if (kind === 'header') return { ...switches, identityFields: fieldsOf(app) };
  if (kind !== 'token') return switches;
  const cookies = switches.withheld?.cookies ?? [];
  return { ...switches, withheld: { headers: [tokenFieldOf(app)], cookies } };
}

function fieldsOf({ identityFields }: AppSettings): NonNullable<Route['switches']['identityFields']> {
  const { user = 'X-WEBAUTH-USER', email, groups } = identityFields ?? {};
  return {
    user: user.toLowerCase(),
    ...(email !== undefined && { email: email.toLowerCase() }),
    ...(groups !== undefined && { groups: groups.toLowerCase() }),
  };
}
