import type { FastifyInstance } from 'fastify';
import { html, renderPage } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { sendOn, sendPage } from './send.ts';

/** `/logout`: ends the central session and with it every session bound to it. GET only asks (logout CSRF, C8). */
export function signOutRoutes(app: FastifyInstance, context: LoginContext): void {
  const { sessions } = context;

  app.get('/logout', async (request, reply) => {
    const identity = await context.identityOf(request);
    if (!identity) return sendOn(reply, '/login');
    return sendPage(reply, confirmPage(identity.principal.username));
  });

  app.post('/logout', async (request, reply) => {
    const { cookie } = request.headers;
    const session = (await sessions.find(cookie, '')) ?? (await sessions.findFormer(cookie));
    if (session) {
      const identity = await context.identityOf(request);
      await sessions.end(session.id, { actor: identity?.principal.username ?? session.userId, reason: 'signed_out' });
    }
    return sendOn(reply.header('set-cookie', sessions.clearCookie()), '/login?note=signed-out');
  });
}

function confirmPage(username: string): string {
  return renderPage({
    title: 'Sign out',
    body: html`<h1>Sign out?</h1>
      <p class="lead">
        You are signed in as <strong>${username}</strong>. Signing out ends this session on every tool and closes what
        is open in it.
      </p>
      <form method="post" action="/logout">
        <button class="button primary" type="submit">Sign out</button>
        <a class="button" href="/">Stay signed in</a>
      </form>`,
  });
}
