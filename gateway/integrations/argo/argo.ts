import { namespaceOf, type Principal, type Resource } from '../../lib/index.ts';
import { namespaceAt, type Route, type Upstream } from '../../routes/index.ts';
import { elsewhere } from '../elsewhere.ts';
import type { ToolGround } from '../ground.ts';
import type { Integration } from '../integration.ts';
import { type AccountTokens, createAccountTokens, type RequestToken } from './account-tokens.ts';
import { checkArgo } from './check.ts';
import { argoPaths } from './paths.ts';
import { argoSettings } from './settings.ts';
import { createWorkflows } from './workflows.ts';

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
};

const name = 'argo';
const ownPage = '/workflows/{}';

/**
 * Argo Workflows that runs in the cluster. With `token` it signs nobody in: each request that the policies let through carries a short
 * token of the account `knot-argo` of the namespace that its address leads into (of the person's own where it leads into none), which has
 * rights in that namespace alone, and nothing that a browser has kept of a sign-in of its own. With `sso` its server signs people in at
 * Knot, and keeps a session of its own beside that of Knot.
 */
export function createArgo(options: ArgoOptions): Integration {
  const { config, publicAddress, namespacePrefix, caFile, clock, log } = options;
  const { upstream, requestToken = noCluster } = options;
  const host = publicAddress.hostOf(name);
  const origin = publicAddress.originOf(host);
  const namespaces = argoPaths(namespacePrefix);
  const tokens = createAccountTokens({ requestToken, clock, log });
  const isByToken = config.auth === 'token';
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
    // Nobody signs in there, and the page of all namespaces shows nothing to most.
    ...(isByToken && { leads: { '/': ownPage, '/login': ownPage, '/oauth2/redirect': ownPage } }),
    switches: {
      encodedSlash: false,
      methods: [],
      // Tokens of the cluster's own accounts: machines have them, and the cluster says what they may.
      ownTokens: true,
      ...(isByToken && { programs: 'workflows', withheld: { headers: ['authorization'], cookies: ['authorization'] } }),
    },
  };
  const workflows = createWorkflows({ upstream, tokens, log });
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
    ...(secret !== undefined && {
      client: {
        clientId: name,
        title: config.title,
        secret,
        redirectUris: [`${origin}/oauth2/callback`],
        postLogoutRedirectUris: [`${publicAddress.origin}/`, `${origin}/`],
      },
    }),
    ...(isByToken && { credentials: credentialsWith(tokens, namespaces) }),
    settings: () =>
      argoSettings({ origin, issuer: `${publicAddress.origin}/oidc`, caFile, namespace: config.namespace, secret }),
    workflows,
    check: async () => checkArgo(workflows, await options.sampleNamespace?.()),
  };
}

/**
 * Of the namespace that the address leads into only for who it belongs to, or is in the team that it belongs to. Were a rule to let in
 * somebody else, they would be asked for as themselves, and Argo would refuse them as well.
 */
const credentialsWith =
  (tokens: AccountTokens, { prefix }: { prefix: string }) =>
  async ({ username, teams }: Principal, resource: Resource): Promise<readonly string[]> => {
    const { owner, team } = resource.attributes;
    const isTheirs = team === undefined ? owner === username : teams.some(({ name: of }) => of === team);
    const namespace = isTheirs
      ? namespaceAt(resource, { prefix }, username)
      : namespaceOf({ namespacePrefix: prefix }, { kind: 'user', name: username });
    return ['authorization', `Bearer ${await tokens.of(namespace)}`];
  };

const noCluster: RequestToken = () => Promise.reject(new Error('there is no cluster to ask for a token'));
