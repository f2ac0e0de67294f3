import { namespaceOf, type Principal, type Resource } from '../../lib/index.ts';
import { namespaceAt, type Route, type Upstream } from '../../routes/index.ts';
import { elsewhere } from '../elsewhere.ts';
import type { ToolGround } from '../ground.ts';
import type { Integration } from '../integration.ts';
import { endedWithOurs, type OwnSession } from '../own-session.ts';
import { type AccountTokens, createAccountTokens, type RequestToken } from './account-tokens.ts';
import { checkArgo, olderArgo } from './check.ts';
import { argoPaths } from './paths.ts';
import { argoSettings } from './settings.ts';
import { createWorkflows, type KnowsWorkflows } from './workflows.ts';

export type ArgoOptions = ToolGround & {
  config: { title: string; namespace: string; auth: 'token' | 'sso' };
  upstream: Upstream;
  /** The configured secret of the OpenID client. */
  secret: string | undefined;
  /** What the names of people's namespaces begin with. */
  namespacePrefix: string;
  /** Absent where Argo is only described. */
  requestToken?: RequestToken;
  /** Some namespace of a person or team, to try it with. */
  sampleNamespace?(): Promise<string | undefined>;
  knowsWorkflows?: KnowsWorkflows;
};

const name = 'argo';
const ownPage = '/workflows/{}';

/** In which the server keeps whom it has signed in itself, or a token that somebody gave its page (server/auth/gatekeeper.go). */
const ownCookie = 'authorization';

/**
 * Argo Workflows that runs in the cluster. With `token` it signs nobody in: each request that the policies let through carries a short
 * token of the account `knot-argo` of the namespace that its address leads into (of the person's own where it leads into none), which has
 * rights there and, of a person, in the namespaces of their teams; and nothing that a browser has kept of a sign-in of its own. With `sso` its
 * server signs people in at Knot, and keeps a session of its own beside that of Knot; programs that come with a token of Knot's are shown to it
 * as with `token`, because it cannot sign them in.
 */
export function createArgo(options: ArgoOptions): Integration {
  const { config, publicAddress, namespacePrefix, caFile, ownCaPem, clock, log } = options;
  const { upstream, requestToken = noCluster } = options;
  const host = publicAddress.hostOf(name);
  const origin = publicAddress.originOf(host);
  const issuer = `${publicAddress.origin}/oidc`;
  const redirectUri = `${origin}/oauth2/callback`;
  const namespaces = argoPaths(namespacePrefix);
  const tokens = createAccountTokens({ requestToken, clock, log });
  const isByToken = config.auth === 'token';
  const ownSessions: OwnSession[] = [{ cookie: ownCookie, ends: isByToken ? 'withheld' : 'tied' }];
  const secret = isByToken ? undefined : options.clientSecret(name, options.secret);
  const route: Route = {
    host,
    name,
    kind: 'integration',
    title: config.title,
    audience: 'everyone',
    // Its command speaks gRPC by default; the server understands HTTP/2 on the port of its pages (server/apiserver, NewMuxHandler).
    upstream: { ...upstream, http2: true },
    ownedPrefixes: [],
    untouchedPrefixes: [],
    namespaces,
    // The page of all namespaces shows nothing to most, and that for signing in asks by which way: there is one.
    leads: isByToken
      ? { '/': ownPage, '/login': ownPage, '/oauth2/redirect': ownPage }
      : { '/': ownPage, '/login': `/oauth2/redirect?redirect=${ownPage}` },
    switches: {
      encodedSlash: false,
      methods: [],
      // Tokens of the cluster's own accounts: machines have them, and the cluster says what they may.
      ownTokens: true,
      programs: 'workflows',
      ...endedWithOurs(ownSessions, { headers: ['authorization'] }),
    },
  };
  const knows = options.knowsWorkflows;
  const workflows = createWorkflows({ upstream, tokens, knows, timeoutMs: options.timeoutMs, log });
  const { stop, ...watched } = elsewhere({
    name,
    words: 'Workflows of your own, step by step.',
    // Without a token it says so; before it can be used it says 503 (server/apiserver/argoserver.go).
    probePath: '/api/v1/version',
  });
  return {
    ...watched,
    async stop() {
      await stop();
      await workflows.close();
    },
    name,
    title: config.title,
    url: `${origin}/`,
    urlOf: (username) => `${origin}/workflows/${namespaceOf({ namespacePrefix }, { kind: 'user', name: username })}`,
    route,
    ownSessions,
    ...(secret !== undefined && {
      client: {
        clientId: name,
        title: config.title,
        secret,
        redirectUris: [redirectUri],
        postLogoutRedirectUris: [`${publicAddress.origin}/`, `${origin}/`],
      },
    }),
    credentials: credentialsWith(tokens, namespaces, { isByToken }),
    settings: () => argoSettings({ origin, issuer, caPem: ownCaPem, caFile, namespace: config.namespace, secret }),
    workflows,
    async older() {
      const namespace = await options.sampleNamespace?.();
      return namespace === undefined ? undefined : olderArgo(workflows, namespace);
    },
    check: async () =>
      checkArgo(workflows, {
        namespace: await options.sampleNamespace?.(),
        signIn: isByToken ? undefined : { issuer, redirectUri },
        ...{ knows, now: clock.now },
      }),
  };
}

/**
 * Of the namespace that the address leads into only for who it belongs to, or is in the team that it belongs to. Were a rule to let in
 * somebody else, they would be asked for as themselves, and Argo would refuse them as well.
 */
function credentialsWith(
  tokens: AccountTokens,
  { prefix }: { prefix: string },
  { isByToken }: { isByToken: boolean },
): NonNullable<Integration['credentials']> {
  function askedIn({ username, teams }: Principal, resource: Resource): string {
    const { owner, team } = resource.attributes;
    const isTheirs = team === undefined ? owner === username : teams.some(({ name: of }) => of === team);
    if (isTheirs) return namespaceAt(resource, { prefix }, username);
    return namespaceOf({ namespacePrefix: prefix }, { kind: 'user', name: username });
  }
  const credentials: NonNullable<Integration['credentials']> = async (principal, resource, { isProgram }) =>
    isByToken || isProgram ? ['authorization', `Bearer ${await tokens.of(askedIn(principal, resource))}`] : [];
  credentials.refused = (principal, resource) => tokens.forget(askedIn(principal, resource));
  return credentials;
}

const noCluster: RequestToken = () => Promise.reject(new Error('there is no cluster to ask for a token'));
