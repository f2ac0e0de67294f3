import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RelyingParty } from './issuer.ts';
import { badRequest, conflict, HarborError, noGroups, precondition, randomSecret, type State } from './state.ts';
import { groupNamed, sessionOf } from './who.ts';

/** `/c/…`: what a browser does with Harbor's core before and after it is signed in. */
export function createSignIn(state: State, relyingParty: RelyingParty, externalUrl: () => string) {
  function newSession(response: ServerResponse) {
    const [id, csrf] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
    const session = { csrf };
    state.sessions.set(id, session);
    response.setHeader(
      'set-cookie',
      `sid=${id}; Path=/; HttpOnly${externalUrl().startsWith('https') ? '; Secure' : ''}; SameSite=Lax`,
    );
    return session as { csrf: string; state?: string; verifier?: string; redirect?: string; userId?: number };
  }

  function redirect(response: ServerResponse, to: string): void {
    response.writeHead(302, { location: to });
    response.end();
  }

  return async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    switch (url.pathname) {
      case '/c/oidc/login': {
        mustBeOidc();
        const wished = url.searchParams.get('redirect_url') ?? '/';
        // Only to pages of its own.
        if (!/^\/(?!\/)/.test(wished)) throw badRequest('cannot redirect to other site');
        const {
          state: csrf,
          verifier,
          url: to,
        } = await relyingParty.begin().catch((error: Error) => {
          throw new HarborError(500, 'UNKNOWN', error.message);
        });
        Object.assign(sessionOf(state, request) ?? newSession(response), { state: csrf, verifier, redirect: wished });
        redirect(response, to);
        return true;
      }
      case '/c/oidc/callback': {
        mustBeOidc();
        const session = sessionOf(state, request);
        if (session?.state === undefined || url.searchParams.get('state') !== session.state)
          throw badRequest('State mismatch');
        const problem = url.searchParams.get('error');
        if (problem !== null) {
          throw badRequest(`OIDC callback returned error: ${problem} - ${url.searchParams.get('error_description')}`);
        }
        const tokens = await relyingParty
          .exchange(url.searchParams.get('code') ?? '', session.verifier!)
          .catch((error: Error) => {
            throw badRequest(error.message);
          });
        const claimed = await (async () => {
          await relyingParty.verify(tokens.idToken);
          return await relyingParty.whoIs(tokens);
        })().catch((error: Error) => {
          throw new HarborError(500, 'UNKNOWN', error.message);
        });
        let user = state.users.find((one) => one.oidc?.subjectAndIssuer === claimed.subjectAndIssuer);
        if (user === undefined) {
          if (state.settings['oidc_auto_onboard'] !== true) {
            redirect(response, `/oidc-onboard?username=${claimed.username}&redirect_url=${session.redirect}`);
            return true;
          }
          const isTaken = state.users.some(
            ({ username, email }) => username === claimed.username || (email !== '' && email === claimed.email),
          );
          if (isTaken) throw conflict('Conflict, the user with same username or email has been onboarded.');
          user = { ...noGroups, id: state.nextId(), username: claimed.username, email: claimed.email, isAdmin: false };
          state.users.push(user);
        }
        user.groups = claimed.groups;
        user.adminByGroup = claimed.isAdmin;
        for (const name of claimed.groups) groupNamed(state, name);
        user.oidc = { subjectAndIssuer: claimed.subjectAndIssuer, secret: user.oidc?.secret ?? randomSecret(), tokens };
        const { redirect: wished } = session;
        // Nobody goes on with a session that they had before.
        for (const [id, one] of state.sessions) if (one === session) state.sessions.delete(id);
        newSession(response).userId = user.id;
        redirect(response, wished || '/');
        return true;
      }
      case '/c/log_out': {
        const session = sessionOf(state, request);
        if (state.users.find(({ id }) => id === session?.userId)?.oidc) {
          // For its page, which goes there itself.
          response.writeHead(403, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ redirect_location: `${externalUrl()}/c/oidc/logout` }));
        } else {
          if (session) delete session.userId;
          response.end();
        }
        return true;
      }
      case '/c/oidc/logout': {
        mustBeOidc();
        const session = sessionOf(state, request);
        const user = state.users.find(({ id }) => id === session?.userId);
        if (session) delete session.userId;
        const end =
          state.settings['oidc_logout'] === true && user?.oidc && (await relyingParty.discover()).end_session_endpoint;
        if (!end) return (redirect(response, '/account/sign-in'), true);
        const to = new URL(end);
        to.searchParams.set('id_token_hint', user.oidc!.tokens.idToken);
        to.searchParams.set('post_logout_redirect_uri', `${externalUrl()}/account/sign-in`);
        redirect(response, to.href);
        return true;
      }
      default:
        return false;
    }
  };

  function mustBeOidc(): void {
    if (state.settings.auth_mode !== 'oidc_auth')
      throw precondition(`auth mode: ${state.settings.auth_mode} is not OIDC based`);
  }
}
