import { createHash, randomBytes } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { createRemoteJWKSet, customFetch, decodeJwt, jwtVerify } from 'jose';
import { Agent, fetch } from 'undici';
import type { IssuerTokens, Settings } from './state.ts';

/** Who the issuer says somebody is: go-oidc's rules, then Harbor's own for names and groups. */
export type Claimed = { subjectAndIssuer: string; username: string; email: string; groups: string[]; isAdmin: boolean };

type Discovered = {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  userinfo_endpoint: string;
  jwks_uri: string;
  end_session_endpoint?: string;
};

/** Beside what the system trusts. */
const trusted = (ca: string | undefined) => (ca === undefined ? {} : { ca: [...rootCertificates, ca] });

/** The relying party in Harbor's core. */
export function createRelyingParty(settings: () => Settings, { ca, redirectUri }: RelyingPartyOptions) {
  const agent = () =>
    new Agent({ connect: { ...trusted(ca()), rejectUnauthorized: settings()['oidc_verify_cert'] !== false } });
  const keySets = new Map<string, ReturnType<typeof createRemoteJWKSet>>();

  const get = async (url: string, init: Parameters<typeof fetch>[1] = {}) =>
    await fetch(url, { ...init, dispatcher: agent() });

  /** The document must name the issuer exactly as it was configured (go-oidc, NewProvider). */
  async function discover(endpoint = String(settings()['oidc_endpoint'])): Promise<Discovered> {
    const answer = await get(`${endpoint.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.text()).slice(0, 200)}`);
    const found = (await answer.json()) as Discovered;
    if (found.issuer !== endpoint) {
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected "${endpoint}" got "${found.issuer}"`,
      );
    }
    return found;
  }

  /** Client authentication by Basic first; a 400 or 401 makes golang.org/x/oauth2 try the form once. */
  async function askForTokens(form: Record<string, string>): Promise<IssuerTokens> {
    const { token_endpoint } = await discover();
    const [id, secret] = [String(settings()['oidc_client_id']), String(settings()['oidc_client_secret'])];
    const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64');
    const answer = await get(token_endpoint, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { authorization: `Basic ${basic}` },
    });
    const said = (await answer.json()) as Record<string, string | number>;
    if (!answer.ok) throw new Error(`oauth2: "${said['error']}" "${said['error_description']}"`);
    return {
      accessToken: String(said['access_token']),
      idToken: String(said['id_token']),
      refreshToken: said['refresh_token'] as string | undefined,
      expiresAt: Date.now() + Number(said['expires_in'] ?? 3600) * 1000,
    };
  }

  /** Signature by the issuer's keys, `iss`, `aud`; `exp` too unless told otherwise (Harbor skips it for stored tokens). */
  async function verify(idToken: string, { skipExpiry = false } = {}): Promise<Record<string, unknown>> {
    const { jwks_uri, issuer } = await discover();
    const keys =
      keySets.get(jwks_uri) ??
      createRemoteJWKSet(new URL(jwks_uri), { cooldownDuration: 0, [customFetch]: get as never });
    keySets.set(jwks_uri, keys);
    const { payload } = await jwtVerify(idToken, keys, {
      ...{
        issuer,
        audience: String(settings()['oidc_client_id']),
        algorithms: ['RS256'],
        requiredClaims: ['exp', 'sub'],
      },
      ...(skipExpiry && { currentDate: new Date((decodeJwt(idToken).exp ?? 0) * 1000 - 1000) }),
    });
    return payload;
  }

  /** What userinfo says wins over the ID token; where userinfo refuses, what the ID token said counts on. */
  async function whoIs(tokens: IssuerTokens): Promise<Claimed> {
    const local = await verify(tokens.idToken, { skipExpiry: true });
    const { userinfo_endpoint } = await discover();
    const answer = await get(userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.accessToken}` } });
    const remote = answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined;
    if (remote && remote['sub'] !== local['sub']) throw new Error('userinfo is about somebody else');
    const claims = { ...local, ...remote };
    const username = claims[String(settings()['oidc_user_claim'] || 'name')];
    if (typeof username !== 'string') throw new Error('failed to recover username from claims');
    const groups = groupsOf(claims[String(settings()['oidc_groups_claim'])]);
    return {
      subjectAndIssuer: `${String(local['sub'])}${String(local['iss'])}`,
      username: username.replaceAll(' ', '_'),
      email: typeof claims['email'] === 'string' ? claims['email'] : '',
      groups: groups.filter((name) => new RegExp(String(settings()['oidc_group_filter'])).test(name)),
      isAdmin: groups.includes(String(settings()['oidc_admin_group'])),
    };
  }

  return {
    discover,
    verify,
    whoIs,
    /** Where a browser is sent, and what the session keeps: PKCE since 2.13. */
    async begin() {
      const { authorization_endpoint } = await discover();
      const [state, verifier] = [randomBytes(24).toString('base64url'), randomBytes(32).toString('base64url')];
      const url = new URL(authorization_endpoint);
      const extra = JSON.parse(String(settings()['oidc_extra_redirect_parms']) || '{}') as Record<string, string>;
      url.search = new URLSearchParams({
        ...extra,
        client_id: String(settings()['oidc_client_id']),
        redirect_uri: redirectUri(),
        response_type: 'code',
        scope: String(settings()['oidc_scope']).split(',').join(' '),
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      }).toString();
      return { state, verifier, url: url.href };
    },
    exchange: (code: string, verifier: string) =>
      askForTokens({ grant_type: 'authorization_code', code, redirect_uri: redirectUri(), code_verifier: verifier }),
    /** @throws without a refresh token, as golang.org/x/oauth2 does */
    async refresh(tokens: IssuerTokens): Promise<IssuerTokens> {
      if (tokens.refreshToken === undefined) throw new Error('oauth2: token expired and refresh token is not set');
      const fresh = await askForTokens({ grant_type: 'refresh_token', refresh_token: tokens.refreshToken });
      return { ...fresh, refreshToken: fresh.refreshToken ?? tokens.refreshToken };
    },
  };
}

export type RelyingParty = ReturnType<typeof createRelyingParty>;
/** `ca`: what it was told to trust, PEM. */
export type RelyingPartyOptions = { ca(): string | undefined; redirectUri(): string };

/** A list or a single name. */
function groupsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim === '' ? [] : [claim];
  return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : [];
}
