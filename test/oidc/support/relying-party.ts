import { createHash, randomBytes } from 'node:crypto';
import type { Browser, Page } from './browser.ts';
import { type House, hubRedirect } from './house.ts';

export type TokenAnswer = {
  status: number;
  body: {
    access_token?: string;
    refresh_token?: string;
    id_token?: string;
    error?: string;
    error_description?: string;
    active?: boolean;
    [key: string]: unknown;
  };
};

export type ClientCredentials = { id: string; secret?: string; redirectUri?: string };

export const hub: ClientCredentials = { id: 'jupyterhub', secret: 'hub-secret-0123456789' };

export const newVerifier = (): string => randomBytes(32).toString('base64url');
export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

/** A relying party that does exactly what a test says, also what a good one would never do. */
export function createRelyingParty(house: House, client: ClientCredentials = hub) {
  const redirectUri = client.redirectUri ?? hubRedirect;

  function authorizationUrl(parameters: Record<string, string | undefined> = {}): string {
    const all = {
      client_id: client.id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid profile email groups',
      state: 'st',
      ...parameters,
    };
    const query = new URLSearchParams(
      Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    return `${house.issuer}/auth?${query.toString()}`;
  }

  async function post(
    path: string,
    form: Record<string, string | undefined>,
    as: ClientCredentials = client,
  ): Promise<TokenAnswer> {
    const fields = Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const body = new URLSearchParams(fields);
    if (as.secret === undefined) body.set('client_id', as.id);
    const answer = await house.fetch(`${house.issuer}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(as.secret === undefined
          ? {}
          : { authorization: `Basic ${Buffer.from(`${as.id}:${as.secret}`).toString('base64')}` }),
      },
      body: body.toString(),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as TokenAnswer['body']) };
  }

  return {
    redirectUri,
    authorizationUrl,
    post,
    /** Follows the browser until it is sent back to the client, or sees a page. */
    async authorize(browser: Browser, parameters: Record<string, string | undefined> = {}): Promise<Page> {
      return await browser.go(authorizationUrl(parameters), (url) => url.startsWith(redirectUri));
    },
    /** A code with PKCE, fresh from the browser. */
    async code(
      browser: Browser,
      parameters: Record<string, string | undefined> = {},
    ): Promise<{ code: string; verifier: string }> {
      const verifier = newVerifier();
      const page = await this.authorize(browser, {
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
        ...parameters,
      });
      const code = page.location === undefined ? null : new URL(page.location).searchParams.get('code');
      if (code === null) throw new Error(`no code: ${page.status} ${page.location ?? page.text}`);
      return { code, verifier };
    },
    async exchange(
      code: string,
      verifier: string | undefined,
      changes: Record<string, string | undefined> = {},
      as?: ClientCredentials,
    ) {
      return await post(
        '/token',
        { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, ...changes },
        as,
      );
    },
    async tokens(browser: Browser, parameters: Record<string, string | undefined> = {}): Promise<TokenAnswer['body']> {
      const { code, verifier } = await this.code(browser, parameters);
      const { status, body } = await this.exchange(code, verifier);
      if (status !== 200) throw new Error(`the token request failed: ${JSON.stringify(body)}`);
      return body;
    },
    async refresh(token: string, as?: ClientCredentials): Promise<TokenAnswer> {
      return await post('/token', { grant_type: 'refresh_token', refresh_token: token }, as);
    },
    async userinfo(accessToken: string): Promise<TokenAnswer> {
      const answer = await house.fetch(`${house.issuer}/me`, { headers: { authorization: `Bearer ${accessToken}` } });
      return { status: answer.status, body: (await answer.json()) as TokenAnswer['body'] };
    },
  };
}
