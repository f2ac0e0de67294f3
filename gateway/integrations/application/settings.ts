import type { AppSettings, PublicAddress } from '../../config/index.ts';

const ownSession =
  '# Its own session outlives that at Knot: name the cookie it is kept in as signInCookies of the entry in knot.yaml.\n';

/** What an operator tells an application of `apps` about Knot. */
export function signInSettings(
  app: AppSettings,
  facts: { publicAddress: PublicAddress; url: string; secret: string | undefined; caFile: string | undefined },
): string {
  const { publicAddress, url, secret, caFile } = facts;
  const { origin } = publicAddress;
  const trust =
    caFile === undefined
      ? ''
      : `# Knot uses a certificate of its own CA, which the application must trust: ${caFile}\n`;
  const alone = `# It must be reachable from Knot only: whoever reaches it directly passes Knot by, and can say to be anybody.\n`;
  switch (app.kind) {
    case 'oidc':
      return `# An OpenID Connect client. It must be able to reach ${origin}.
${trust}issuer: ${origin}/oidc
client id: ${app.name}
client secret: ${secret}
redirect: ${app.redirectPaths.map((path) => new URL(path, url).href).join(' ')}
scopes: openid profile email groups
name of the person: preferred_username
groups: groups
sign-out: ${origin}/logout
${app.signInCookies.length > 0 ? '' : ownSession}`;
    case 'jwt':
      return `${alone}${trust}# A token (JWT, ES256) in the field ${app.tokenField ?? 'X-JWT-Assertion'} of each request says who asks.
keys: ${origin}/.well-known/jwks.json
issuer (iss): ${origin}
audience (aud): ${new URL(url).hostname}
name of the person: preferred_username
groups: groups
sign-out: ${origin}/logout
`;
    case 'header': {
      const { user = 'X-WEBAUTH-USER', email, groups } = app.identityFields ?? {};
      const others = [email && `e-mail: ${email}`, groups && `groups, divided by commas: ${groups}`].filter(Boolean);
      return `${alone}# Fields of each request say who asks.
name of the person: ${user}
${others.map((line) => `${line}\n`).join('')}sign-out: ${origin}/logout
`;
    }
    case 'token':
      return `${alone}# Everybody is shown to it by the same token, in the field ${app.tokenField ?? 'Authorization'}: there is nothing to paste.\n`;
    case 'plain':
      return `${alone}# Fields X-Knot-User, X-Knot-Email, X-Knot-Groups and X-Knot-Assertion of each request say who asks: there is nothing to paste.\n`;
  }
}
