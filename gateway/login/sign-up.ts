import type { FastifyInstance } from 'fastify';
import { html, renderErrorPage } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { type FieldErrors, fieldErrors } from './field-errors.ts';
import { nextOfForm, readForm, textOf, usernameOf } from './form.ts';
import { type Next, withNext } from './next.ts';
import { passwordHint, renderFormPage, usernameField } from './pages.ts';
import { sendOn, sendPage } from './send.ts';
import { notSetUpPage } from './setup-state.ts';
import { blockedPage, linkToSignIn, pendingPage } from './sign-in.ts';

/** `/signup`: makes an account, as far as the operator lets people do so themselves. */
export function signUpRoutes(app: FastifyInstance, context: LoginContext): void {
  const { accounts, config, throttle } = context;

  function page(typed: { username: string; email: string }, next: Next, errors: FieldErrors = {}): string {
    return renderFormPage({
      title: 'Create an account',
      lead:
        config.signUp === 'approval' ? 'An administrator approves new accounts before they can be used.' : undefined,
      hidden: next === '/' ? {} : { next },
      fields: [
        usernameField(typed.username, errors.username),
        {
          name: 'email',
          label: 'E-mail',
          type: 'email',
          value: typed.email,
          autocomplete: 'email',
          error: errors.email,
        },
        {
          name: 'password',
          label: 'Password',
          type: 'password',
          autocomplete: 'new-password',
          hint: passwordHint(config.login.minimumPasswordLength),
          error: errors.password,
        },
      ],
      button: 'Create account',
      below: html`<p>Have an account? <a href="${withNext('/login', next)}">Sign in</a></p>`,
    });
  }

  app.get<{ Querystring: Record<string, unknown> }>('/signup', async (request, reply) => {
    if (config.signUp === 'off') return sendPage(reply, closedPage(), 403);
    if (!(await context.isSetUp())) return sendPage(reply, notSetUpPage(), 503);
    const { next } = context.readNext(textOf(request.query['next']));
    if (await context.identityOf(request)) return context.goOn(reply, next);
    return sendPage(reply, page({ username: '', email: '' }, await context.carried(request, next)));
  });

  app.get<{ Querystring: Record<string, unknown> }>('/signup/pending', async (request, reply) => {
    const { next } = context.readNext(textOf(request.query['next']));
    return sendPage(reply, pendingPage(linkToSignIn(await context.carried(request, next))));
  });

  app.post('/signup', async (request, reply) => {
    if (config.signUp === 'off') return sendPage(reply, closedPage(), 403);
    if (!(await context.isSetUp())) return sendPage(reply, notSetUpPage(), 503);
    const form = readForm(request.body, ['username', 'email', 'password', 'next']);
    const { next } = context.readNext(nextOfForm(form, request.query));
    const carried = await context.carried(request, next);
    const typed = { username: form.username.trim(), email: form.email.trim() };
    const address = context.addressOf(request);
    const verdict = await throttle.take({ address });
    if (!verdict.isAllowed) {
      reply.header('retry-after', verdict.retryAfterSeconds);
      return sendPage(reply, blockedPage(verdict.retryAfterSeconds, linkToSignIn(carried)), 429);
    }
    try {
      const state = config.signUp === 'open' ? 'active' : 'pending';
      const user = await accounts.createUser(
        { username: usernameOf(typed.username), email: typed.email, password: form.password, state },
        { name: 'anonymous', address },
      );
      if (user.state === 'active') return await context.signIn(request, reply, user, next);
      return sendOn(reply, withNext('/signup/pending', carried));
    } catch (error) {
      const errors = fieldErrors(error);
      if (!errors) throw error;
      return sendPage(reply, page(typed, carried, errors), 400);
    }
  });
}

function closedPage(): string {
  return renderErrorPage({
    status: 403,
    heading: 'Sign-up is closed',
    reason: 'On this platform accounts are made by an administrator.',
    remedy: 'Ask an administrator for an invitation.',
    links: [{ href: '/login', label: 'Sign in' }],
  });
}
