import { randomUUID, X509Certificate } from 'node:crypto';
import { importPKCS8, importX509, jwtVerify, SignJWT } from 'jose';
import { tokenIssuer, tokenService } from './registry.ts';
import { badRequest, type State, unauthorized } from './state.ts';
import { mayIn, type Who } from './who.ts';

export type RepositoryAccess = { type: string; name: string; actions: string[] };

/** The token service of the registry: ES256 with the certificate in `x5c`, raw signatures (RFC 7515 section 4.1.6). */
export async function createTokenService(state: State, { key, cert }: { key: string; cert: string }) {
  const [privateKey, publicKey] = await Promise.all([importPKCS8(key, 'ES256'), importX509(cert, 'ES256')]);
  const x5c = [new X509Certificate(cert).raw.toString('base64')];

  async function sign(subject: string, access: RepositoryAccess[]): Promise<string> {
    return await new SignJWT({ access })
      .setProtectedHeader({ typ: 'JWT', alg: 'ES256', x5c })
      .setIssuer(tokenIssuer)
      .setAudience(tokenService)
      .setSubject(subject)
      .setJti(randomUUID())
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime(`${state.settings['token_expiration'] as number}m`)
      .sign(privateKey);
  }

  return {
    sign,
    /** What a token of ours allows; undefined for any other. Whether its owner still exists is not asked. */
    async read(token: string): Promise<RepositoryAccess[] | undefined> {
      try {
        const { payload } = await jwtVerify(token, publicKey, { issuer: tokenIssuer, audience: tokenService });
        return (payload['access'] as RepositoryAccess[] | undefined) ?? [];
      } catch {
        return undefined;
      }
    },
    /** `GET /service/token`: a login (no scope) needs somebody; with a scope nobody gets a token that allows nothing private. */
    async answer(who: Who, query: URLSearchParams) {
      if (query.get('service') !== tokenService) throw badRequest(`Unable to handle service: ${query.get('service')}`);
      const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
      if (who.kind === 'nobody' && scopes.length === 0) throw unauthorized();
      const token = await sign(nameOf(who), allowedOf(state, who, scopes));
      const seconds = (state.settings['token_expiration'] as number) * 60;
      return { token, access_token: '', expires_in: seconds, issued_at: new Date().toISOString() };
    },
  };
}

export type TokenService = Awaited<ReturnType<typeof createTokenService>>;

export const nameOf = (who: Who): string =>
  who.kind === 'user' ? who.user.username : who.kind === 'robot' ? who.robot.name : '';

/** All that is allowed in what is asked for, whatever was asked there; repeated scopes of one repository are one. */
export function allowedOf(state: State, who: Who, scopes: readonly string[]): RepositoryAccess[] {
  const asked = new Set<string>();
  for (const scope of scopes) {
    // `repository:NAME:ACTIONS`; a name may hold a port and with it a colon.
    const [, type, name, actions] = /^([a-z]+):(.+):([a-z*,]*)$/.exec(scope) ?? [];
    if (type === undefined || name === undefined || actions === undefined) continue;
    asked.add(`${type}:${name}`);
  }
  return [...asked].map((key) => {
    const [type, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
    if (type === 'registry') return { type, name, actions: who.kind === 'user' && who.isAdmin ? ['*'] : [] };
    const project = state.projects.find((one) => one.name === name.split('/')[0]);
    const may = (action: string) => project !== undefined && mayIn(state, who, project, 'repository', action);
    return { type, name, actions: ['pull', 'push', 'delete'].filter(may) };
  });
}
