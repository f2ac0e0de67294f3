import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { Clock, Identify, Identity, Session } from '../lib/index.ts';
import type { Transaction } from '../store/index.ts';
import { passwordContext } from './context-class.ts';
import { sessionCookie } from './cookies.ts';
import type { LogoutNotice, LogoutNotices } from './notices.ts';
import type { Records } from './records.ts';

type ProviderSession = InstanceType<Provider['Session']>;

export type SessionBinding = {
  /**
   * Before the provider sees an authorization request: makes its session of this browser equal to the Knot session. One that
   * belongs to somebody else or to a session that ended is destroyed; a missing one is made. So a person who is signed in
   * to Knot is signed in here, silently, and nobody else is.
   */
  bind(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Who `bind` found behind a request. */
  identityOf(request: IncomingMessage): Identity | undefined;
  /** Destroys what was made from a Knot session: provider sessions, their grants, codes and tokens. */
  endCentral(provider: Provider, centralId: string): Promise<void>;
  /** The same with everything that was ever given out for an account. */
  endAccount(provider: Provider, accountId: string): Promise<void>;
};

/** How everybody signs in today: with a password (RFC 8176 section 2). */
export const howSignedIn = { amr: ['pwd'], acr: passwordContext };

export function createSessionBinding(options: {
  records: Records;
  identify: Identify;
  /** Whether a Knot session still lives, held until the transaction ends (`hold` of sessions). */
  hold(transaction: Transaction, session: Session): Promise<boolean>;
  clock: Clock;
  sessionSeconds: number;
  notices: Pick<LogoutNotices, 'add' | 'wake'>;
}): SessionBinding {
  const { records, identify, hold, clock, sessionSeconds, notices } = options;
  const identities = new WeakMap<IncomingMessage, Identity>();

  async function endSession(provider: Provider, session: ProviderSession): Promise<void> {
    const authorizations = Object.entries(session.authorizations ?? {});
    const told: LogoutNotice[] = [];
    for (const [clientId, { sid }] of authorizations) {
      const client = await provider.Client.find(clientId);
      if (client?.backchannelLogoutUri) told.push({ clientId, accountId: session.accountId!, sid });
    }
    // From here on no session-bound token of it is found any more, and whoever must hear of it will.
    await records.unlinkSession(session.uid, (transaction) => notices.add(transaction, told));
    if (told.length > 0) notices.wake();
    for (const [, { grantId, persistsLogout }] of authorizations) {
      // Offline access was granted to outlive the sign-in (OpenID Connect Core 1.0, section 11).
      if (grantId && !persistsLogout) await records.revokeGrant(grantId);
    }
    await session.destroy();
  }

  async function endAll(provider: Provider, uids: readonly string[]): Promise<void> {
    for (const uid of uids) {
      const session = await provider.Session.findByUid(uid);
      if (session) await endSession(provider, session);
      else await records.unlinkSession(uid);
    }
  }

  async function startSession(
    provider: Provider,
    identity: Identity,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const session = new provider.Session();
    session.loginAccount({ accountId: identity.principal.id, loginTs: authTime(identity), ...howSignedIn });
    const isLinked = await records.linkSession(
      session.uid,
      {
        centralId: identity.session.centralId,
        accountId: identity.principal.id,
        expiresAt: clock.now() + sessionSeconds * 1000,
      },
      (transaction) => hold(transaction, identity.session),
    );
    // Signed out while this request was under way: then nobody is signed in here either.
    if (!isLinked) return;
    await session.save(sessionSeconds);
    addCookie(provider, session.jti, request, response);
  }

  return {
    async bind(provider, request, response) {
      const identity = await identify(request.headers.cookie, '');
      if (identity) identities.set(request, identity);
      const session = await provider.Session.get(provider.createContext(request, response));
      if (session.accountId !== undefined) {
        const centralId = (await records.linkOf(session.uid))?.centralId;
        if (identity && session.accountId === identity.principal.id && centralId === identity.session.centralId) {
          if (session.loginTs === undefined || session.loginTs >= authTime(identity)) return;
          session.loginTs = authTime(identity);
          await session.persist();
          return;
        }
        await endSession(provider, session);
      }
      if (identity) await startSession(provider, identity, request, response);
    },
    identityOf: (request) => identities.get(request),
    endCentral: async (provider, centralId) => await endAll(provider, await records.sessionsOf(centralId)),
    async endAccount(provider, accountId) {
      await endAll(provider, await records.sessionsOfAccount(accountId));
      await records.removeByAccount(accountId);
    },
  };
}

/** `auth_time`, seconds. */
export function authTime(identity: Identity): number {
  return Math.floor(identity.session.authenticatedAt / 1000);
}

/** Puts the signed cookie of a new session in front of the request's own, where the provider will find it and set it. */
function addCookie(provider: Provider, id: string, request: IncomingMessage, response: ServerResponse): void {
  provider.createContext(request, response).cookies.set(provider.cookieName('session'), id, sessionCookie);
  const added = [response.getHeader('set-cookie') ?? []].flat().map((cookie) => String(cookie).split(';', 1)[0]);
  response.removeHeader('set-cookie');
  request.headers.cookie = [...added, ...(request.headers.cookie ? [request.headers.cookie] : [])].join('; ');
}
