import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';

/** A tool as the contract sees it: its facts, and where it may differ from others. */
export type ToolRow = {
  name: string;
  /** An address in it; where its addresses say whose a thing is, one of this person's. */
  pageOf(username: string): string;
  /** Its addresses say whose a thing is. */
  isOwned?: true;
  /** Addresses that go by unsigned: programs bring what the tool itself gave them. */
  open?: string[];
  /** Whom the tool takes a request for, by what it was told; `everybody` where it knows nobody. */
  personIn(headers: ReadonlyMap<string, string[]>): string | undefined;
  /** Where the token stands by which it is told, signed for it alone. */
  tokenField?: string;
  /** Where people come back who signed in at Knot for it. */
  callback?: string;
  /** Fields by which somebody would say to be somebody else. */
  forged: string[];
  /**
   * The cookie in which it keeps a sign-in of its own, and why one that is left over in a browser is nothing: it never reaches the tool, it is
   * tied to the session in which it was given, or the tool compares it with what it is told beside it.
   */
  cookie?: { name: string; is: 'withheld' | 'tied' | 'compared' };
  /** What `knot integrations show` says of it. */
  shown: RegExp;
  /** Knot has questions to it: what `knot integrations check` says of what answers in its place and is something else. It is asked for its version too. */
  checked?: RegExp;
};

export const administratorsSecret = 'Administrator-of-the-tool-1';
export const everybodysToken = 'secret-of-everybody-0123456789';

const one = (headers: ReadonlyMap<string, string[]>, name: string): string | undefined => {
  const values = headers.get(name) ?? [];
  return values.length === 1 ? values[0] : undefined;
};
const byField = (headers: ReadonlyMap<string, string[]>) => one(headers, 'x-knot-user');
const byToken = (tokenField: string, audience: string): Pick<ToolRow, 'personIn' | 'tokenField'> => ({
  tokenField,
  personIn(headers) {
    const claims = decodeJwt(one(headers, tokenField)?.replace(/^Bearer /, '') ?? 'e30.e30.');
    return claims.aud === audience ? (claims['preferred_username'] as string) : undefined;
  },
});
const forgedFields = [
  ...['X-Knot-User: admin', 'x-knot-groups: knot-admins', 'X-Knot-Assertion: forged', 'X-Forwarded-User: admin'],
];

/** The tools that have a folder of their own, and an entry of `apps` of each kind. */
export const toolRows: readonly ToolRow[] = [
  {
    name: 'jupyterhub',
    callback: '/hub/oauth_callback',
    pageOf: (username) => `/user/${username}/lab`,
    isOwned: true,
    personIn: byField,
    forged: forgedFields,
    // hub-config.ts; a real hub in managed-hub.test.ts.
    cookie: { name: 'jupyterhub-hub-login', is: 'compared' },
    shown: /c\.GenericOAuthenticator/,
    checked: /^WRONG {2}answers: What answers is not JupyterHub: it says nothing of itself/m,
  },
  {
    name: 'argo',
    pageOf: (username) => `/api/v1/workflow-events/knot-${username}`,
    isOwned: true,
    personIn: (headers) => /^Bearer token-of-knot-(\w+)-knot-argo$/.exec(one(headers, 'authorization') ?? '')?.[1],
    forged: ['Authorization: Basic cm9vdDpyb290', ...forgedFields],
    cookie: { name: 'authorization', is: 'withheld' },
    shown: /authModes: \[client\]/,
    checked: /^WRONG {2}argo.*: \S/m,
  },
  {
    name: 'harbor',
    callback: '/c/oidc/callback',
    pageOf: () => '/harbor/projects',
    open: ['/v2/', '/v2/ann/app/manifests/v1', '/service/token'],
    personIn: byField,
    forged: forgedFields,
    cookie: { name: 'sid', is: 'tied' },
    shown: /"oidc_client_id": "harbor"/,
    checked: /^WRONG {2}answers: What answers is not Harbor: it says nothing of itself/m,
  },
  {
    name: 'grafana',
    pageOf: () => '/dashboards',
    ...byToken('x-jwt-assertion', 'grafana.localhost'),
    forged: ['X-JWT-Assertion: forged', 'Authorization: Basic YWRtaW46YWRtaW4=', ...forgedFields],
    cookie: { name: 'grafana_session', is: 'withheld' },
    shown: /\[auth\.jwt\]/,
    checked: /^WRONG {2}answers: What answers is not Grafana: it says nothing of itself/m,
  },
  {
    name: 'oidcapp',
    callback: '/oauth2/callback',
    pageOf: () => '/explore',
    personIn: byField,
    forged: forgedFields,
    cookie: { name: 'app_sign_in', is: 'tied' },
    shown: /client secret: \S{20,}\nredirect: https:\/\/oidcapp\.localhost:\d+\/oauth2\/callback\n/,
  },
  {
    name: 'headerapp',
    pageOf: () => '/page',
    open: ['/open/x'],
    personIn: (headers) =>
      one(headers, 'x-webauth-groups') === `knot:user:${one(headers, 'x-webauth-user')}` &&
      one(headers, 'x-webauth-email') === `${one(headers, 'x-webauth-user')}@example.org`
        ? one(headers, 'x-webauth-user')
        : undefined,
    forged: [
      ...['X-WEBAUTH-USER: admin', 'x-webauth-Groups: knot-admins', 'X-Webauth-Email: a@b.example', ...forgedFields],
    ],
    cookie: { name: 'app_session', is: 'withheld' },
    shown: /X-WEBAUTH-USER/,
  },
  {
    name: 'jwtapp',
    pageOf: () => '/page',
    ...byToken('x-jwt-assertion', 'jwtapp.localhost'),
    forged: ['X-JWT-Assertion: forged', ...forgedFields],
    shown: /in the field X-JWT-Assertion/,
  },
  {
    name: 'bearerapp',
    pageOf: () => '/page',
    ...byToken('authorization', 'bearerapp.localhost'),
    forged: ['Authorization: Bearer forged', ...forgedFields],
    shown: /in the field Authorization/,
  },
  {
    name: 'tokenapp',
    pageOf: () => '/page',
    personIn: (headers) => (one(headers, 'authorization') === `Bearer ${everybodysToken}` ? 'everybody' : undefined),
    forged: ['Authorization: Bearer mine', ...forgedFields],
    shown: /Everybody is shown to it by the same token/,
  },
];

/** What `knot.yaml` says of all of them, at one address each. `folder`: where their secrets are written. */
export function toolSettings(folder: string, upstreamOf: (name: string) => string) {
  writeFileSync(join(folder, 'administrator'), administratorsSecret);
  writeFileSync(join(folder, 'token'), `${everybodysToken}\n`);
  const secret = { fromFile: join(folder, 'administrator') };
  const at = (name: string) => ({ upstream: upstreamOf(name) });
  const identityFields = { user: 'X-WEBAUTH-USER', email: 'X-WEBAUTH-EMAIL', groups: 'X-WEBAUTH-GROUPS' };
  const app = (name: string, settings: object) => ({ name, ...at(name), probe: true, ...settings });
  return {
    integrations: {
      jupyterhub: { mode: 'external', ...at('jupyterhub') },
      argo: at('argo'),
      harbor: { ...at('harbor'), admin: secret },
      grafana: { ...at('grafana'), admin: { password: secret } },
      prometheus: at('prometheus'),
    },
    apps: [
      app('oidcapp', { kind: 'oidc', redirectPaths: ['/oauth2/callback'], signInCookies: ['app_sign_in'] }),
      app('headerapp', {
        ...{ kind: 'header', identityFields, publicPaths: ['/open/'], withheldCookies: ['app_session'] },
      }),
      app('jwtapp', { kind: 'jwt' }),
      app('bearerapp', { kind: 'jwt', tokenField: 'Authorization' }),
      app('tokenapp', { kind: 'token', token: { fromFile: join(folder, 'token') } }),
    ],
  };
}
