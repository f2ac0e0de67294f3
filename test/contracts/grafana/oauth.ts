import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { decodeJwt } from 'jose';
import { Agent, fetch } from 'undici';
import type { Configuration } from './configuration.ts';
import { addUser, Refused, roleOf, type User } from './people.ts';

/** Tokens that a session of Grafana stands on; `refresh` where it asked for offline access and was given it. */
export type Tokens = { access: string; refresh: string | undefined; expiresAt: number };

export type Redirect = { to: string; cookies: string[] };

type Said = Record<string, unknown>;

const cookieOf = ({ headers }: IncomingMessage, name: string): string | undefined =>
  new RegExp(`(?:^|; ?)${name}=([^;]+)`).exec(headers.cookie ?? '')?.[1];
const short = 'Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax';
const gone = (name: string): string => `${name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`;

/**
 * Who comes by an OpenID provider (`auth.generic_oauth`), as Grafana's own connector takes them: a code with PKCE, the ID token's claims
 * read as they are, then what userinfo says; the role by JMESPath, from whichever has one; somebody new is made, and found again by `sub`.
 * Sources: Grafana, "Configure generic OAuth authentication"; pkg/login/social/connectors/generic_oauth.go, pkg/services/authn/clients/oauth.go.
 */
export function createOauthPeople(configuration: Configuration, users: User[]) {
  const oauth = configuration['auth.generic_oauth'] ?? {};
  const isOn = (key: string): boolean => oauth[key] === 'true';
  const redirectUri = (): string => `${configuration['server']?.['root_url'] ?? '/'}login/generic_oauth`;
  const dispatcher = (): Agent =>
    new Agent({
      connect: oauth['tls_client_ca'] === undefined ? {} : { ca: readFileSync(oauth['tls_client_ca'], 'utf8') },
    });
  /** By the subject of the provider: what a login or address says is not believed twice. */
  const linked = new Map<string, User>();
  const hashed = (state: string): string =>
    createHash('sha256').update(`${state}${oauth['client_secret']}`).digest('hex');

  /** golang.org/x/oauth2 without a style: Basic first, and the form where that is refused. */
  async function tokens(form: Record<string, string>): Promise<{ tokens: Tokens; idToken: string | undefined }> {
    const [id, secret] = [oauth['client_id'] ?? '', oauth['client_secret'] ?? ''];
    const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64');
    const answer = await fetch(oauth['token_url'] ?? '', {
      ...{ method: 'POST', body: new URLSearchParams(form), dispatcher: dispatcher() },
      headers: { authorization: `Basic ${basic}` },
    });
    const said = (await answer.json()) as Said;
    if (!answer.ok) throw new Refused(401, `oauth2: "${String(said['error'])}"`);
    return {
      tokens: {
        access: String(said['access_token']),
        refresh: said['refresh_token'] as string | undefined,
        expiresAt: Date.now() + Number(said['expires_in'] ?? 3600) * 1000,
      },
      idToken: said['id_token'] as string | undefined,
    };
  }

  async function whoIs(access: string, idToken: string | undefined): Promise<User> {
    // Its signature, issuer and audience are not looked at: it came from the provider itself.
    const ofToken: Said = idToken === undefined ? {} : decodeJwt(idToken);
    const answer = await fetch(oauth['api_url'] ?? '', {
      ...{ headers: { authorization: `Bearer ${access}` }, dispatcher: dispatcher() },
    });
    if (!answer.ok) throw new Refused(401, 'Failed to get user info');
    const sources = [ofToken, (await answer.json()) as Said];
    const first = (path: string): string =>
      sources.map((said) => said[path]).find((value): value is string => typeof value === 'string' && value !== '') ??
      '';
    const login = first(oauth['login_attribute_path'] ?? 'login');
    const email = first(oauth['email_attribute_path'] ?? 'email');
    const subject = first('sub');
    if (subject === '' || email === '') throw new Refused(401, 'Login provider did not return an email address');
    const groups = sources.map((said) => said[oauth['groups_attribute_path'] ?? 'groups']).find(Array.isArray) ?? [];
    const allowed = (oauth['allowed_groups'] ?? '').split(/[\s,]+/).filter((name) => name !== '');
    if (allowed.length > 0 && !allowed.some((name) => groups.includes(name)))
      throw new Refused(401, 'User is not a member of one of the required groups');
    const role = sources.map((said) => roleOf(said, oauth)).find((one) => one !== undefined);
    if (role === undefined && isOn('role_attribute_strict')) throw new Refused(401, 'invalid role');
    const user = linked.get(subject) ?? make({ login: login === '' ? email : login, email });
    linked.set(subject, user);
    if (user.isDisabled) throw new Refused(401, 'user is disabled');
    if (role !== undefined) user.role = role;
    return user;
  }

  /** Nobody who is there already is taken over by a name or an address (`oauth_allow_insecure_email_lookup` is off). */
  function make({ login, email }: { login: string; email: string }): User {
    if (oauth['allow_sign_up'] === 'false') throw new Refused(401, 'Sign up is not allowed for this user');
    if (users.some((one) => one.login === login || one.email === email)) throw new Refused(401, 'User sync failed');
    return addUser(users, { login, email, name: login });
  }

  return {
    isEnabled: isOn('enabled'),
    /** `GET /login/generic_oauth` without a code. */
    begin(): Redirect {
      const [state, verifier] = [randomBytes(32).toString('base64url'), randomBytes(64).toString('base64url')];
      const to = new URL(oauth['auth_url'] ?? '');
      to.search = new URLSearchParams({
        ...{ client_id: oauth['client_id'] ?? '', redirect_uri: redirectUri(), response_type: 'code' },
        ...{ scope: oauth['scopes'] ?? 'user:email', state },
        ...(isOn('use_pkce') && {
          code_challenge: createHash('sha256').update(verifier).digest('base64url'),
          code_challenge_method: 'S256',
        }),
      }).toString();
      const cookies = [`oauth_state=${hashed(state)}; ${short}`];
      if (isOn('use_pkce')) cookies.push(`oauth_code_verifier=${verifier}; ${short}`);
      return { to: to.href, cookies };
    },
    /** `GET /login/generic_oauth` with what the provider answered. @throws Refused */
    async end(incoming: IncomingMessage, query: URLSearchParams): Promise<{ user: User; tokens: Tokens }> {
      const problem = query.get('error');
      if (problem !== null) throw new Refused(401, `${problem}: ${query.get('error_description') ?? ''}`);
      const saved = cookieOf(incoming, 'oauth_state');
      if (saved === undefined) throw new Refused(400, 'missing saved oauth state');
      if (saved !== hashed(query.get('state') ?? '')) throw new Refused(400, 'oauth state mismatch');
      const verifier = cookieOf(incoming, 'oauth_code_verifier');
      if (isOn('use_pkce') && verifier === undefined) throw new Refused(400, 'missing saved pkce');
      const form = { grant_type: 'authorization_code', code: query.get('code') ?? '', redirect_uri: redirectUri() };
      const { tokens: given, idToken } = await tokens(verifier ? { ...form, code_verifier: verifier } : form);
      return { user: await whoIs(given.access, idToken), tokens: given };
    },
    spent: [gone('oauth_state'), gone('oauth_code_verifier'), gone('redirect_to')],
    /** An access token that is over is refreshed where `use_refresh_token` says so; a refusal ends the session. */
    async keep(before: Tokens): Promise<Tokens | undefined> {
      if (!isOn('use_refresh_token') || before.expiresAt > Date.now() + 10_000) return before;
      if (before.refresh === undefined) return undefined;
      try {
        const { tokens: fresh } = await tokens({ grant_type: 'refresh_token', refresh_token: before.refresh });
        return { ...fresh, refresh: fresh.refresh ?? before.refresh };
      } catch {
        return undefined;
      }
    },
  };
}
