import type { FastifyInstance } from 'fastify';
import { html, renderPage } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { type Next, withNext } from './next.ts';
import { sendOn, sendPage } from './send.ts';
import { textOf } from './form.ts';

/**
 * `/login/account?next=…`: asks who goes on, "Continue as NAME" or "Use another account", and leads to `next` either way, byte for
 * byte. Nothing ends before another sign-in has succeeded. Who is not signed in gets the sign-in form, which leads to `next` too.
 *
 * For refusals (the 403 page of the proxy) and for whoever must ask, such as `prompt=select_account` of OpenID Connect (Core 1.0,
 * section 3.1.2.1): `next` is only reached by a choice made here, so what stands in it (`…?selected=1`) proves that one was made,
 * as long as nobody else knows the rest of it. `next` is what `safeNext` accepts, or `kept:ID`.
 */
export function accountRoutes(app: FastifyInstance, context: LoginContext): void {
  app.get<{ Querystring: Record<string, unknown> }>('/login/account', async (request, reply) => {
    const { next } = context.readNext(textOf(request.query['next']));
    const carried = await context.carried(request, next);
    const identity = await context.identityOf(request);
    if (!identity) return sendOn(reply, withNext('/login', carried));
    return sendPage(reply, page(identity.principal.username, carried));
  });
}

function page(username: string, next: Next): string {
  return renderPage({
    title: 'Choose an account',
    body: html`<h1>Which account?</h1>
      <p class="lead">
        You are signed in as <strong>${username}</strong>. With another account this one is signed out, on every tool,
        once the new one is signed in.
      </p>
      <p class="actions">
        <a class="button primary" href="${withNext('/login', next)}">Continue as ${username}</a>
        <a class="button" href="${withNext('/login?switch=1', next)}">Use another account</a>
      </p>`,
  });
}
