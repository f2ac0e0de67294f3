import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { html, renderErrorPage, reopenInline } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { type FieldErrors, fieldErrors } from './field-errors.ts';
import { nextOfForm, readForm, textOf, usernameOf } from './form.ts';
import { type Next, withNext, turned, turnTo } from './next.ts';
import { type Field, passwordHint, renderFormPage, usernameField } from './pages.ts';
import { sendOn, sendPage } from './send.ts';
import { notSetUpPage } from './setup-state.ts';
import { blockedPage, pendingPage, turnToSignIn, type WayBack } from './sign-in.ts';
import { createSignUpMail } from './sign-up-mail.ts';

type Typed = { username: string; email: string; password: string };

/** A posted form: what was typed, and where the person wanted to go (as read, and short enough for an address). */
type Asked = { request: FastifyRequest; reply: FastifyReply; typed: Typed; next: Next; carried: Next };

/**
 * `/signup`: makes an account, as far as the operator lets people do so themselves (decision 0020). Only `open` without mail
 * answers at once, and so tells which names and addresses are taken; everything else is told to the mailbox or after approval.
 */
export function signUpRoutes(app: FastifyInstance, context: LoginContext): void {
  const { accounts, config, throttle, mail, publicAddress } = context;
  const message = createSignUpMail(context);
  /** The mailbox is asked first, and the link in it leads to the rest of the form. */
  const isByMail = config.signUp === 'open' && mail.isConfigured;

  function page(typed: Pick<Typed, 'username' | 'email'>, next: Next, errors: FieldErrors = {}): string {
    const email: Field = {
      name: 'email',
      label: 'E-mail',
      type: 'email',
      value: typed.email,
      autocomplete: 'email',
      error: errors.email,
    };
    const password: Field = {
      name: 'password',
      label: 'Password',
      type: 'password',
      autocomplete: 'new-password',
      hint: passwordHint(config.login.minimumPasswordLength),
      error: errors.password,
    };
    return renderFormPage({
      title: 'Create an account',
      lead: isByMail
        ? 'We send you a link with which you choose a username and a password.'
        : config.signUp === 'approval'
          ? 'An administrator approves new accounts before they can be used.'
          : undefined,
      hidden: next === '/' ? {} : { next },
      fields: isByMail ? [email] : [usernameField(typed.username, errors.username), email, password],
      isCheckedHere: true,
      button: isByMail ? 'Send the link' : 'Create account',
      below: html`<div>Have an account? ${reopenInline({ label: 'Sign in', parameters: turnTo('login', next) })}</div>`,
    });
  }

  app.get<{ Querystring: Record<string, unknown> }>('/signup', async (request, reply) => {
    if (config.signUp === 'off') return sendPage(reply, closedPage(), 403);
    if (!(await context.isSetUp())) return sendPage(reply, notSetUpPage(), 503);
    const { next } = context.readNext(textOf(request.query['next']));
    if (await context.identityOf(request)) return context.goOn(reply, next);
    const carried = await context.carried(request, next);
    const elsewhere = turned(request, reply, 'login', carried);
    if (elsewhere) return elsewhere;
    return sendPage(reply, page({ username: '', email: '' }, carried));
  });

  for (const [path, told] of [
    ['/signup/pending', pendingPage],
    ['/signup/sent', sentPage],
  ] as const) {
    app.get<{ Querystring: Record<string, unknown> }>(path, async (request, reply) => {
      const { next } = context.readNext(textOf(request.query['next']));
      const carried = await context.carried(request, next);
      const elsewhere = turned(request, reply, 'login', carried);
      if (elsewhere) return elsewhere;
      return sendPage(reply, told(turnToSignIn(carried)));
    });
  }

  app.post('/signup', async (request, reply) => {
    if (config.signUp === 'off') return sendPage(reply, closedPage(), 403);
    if (!(await context.isSetUp())) return sendPage(reply, notSetUpPage(), 503);
    const form = readForm(request.body, ['username', 'email', 'password', 'next']);
    const { next } = context.readNext(nextOfForm(form, request.query));
    const carried = await context.carried(request, next);
    const { password } = form;
    const typed = { username: usernameOf(form.username), email: form.email.trim(), password };
    const verdict = await throttle.take({ address: context.addressOf(request) });
    if (!verdict.isAllowed) {
      reply.header('retry-after', verdict.retryAfterSeconds);
      return sendPage(reply, blockedPage(verdict.retryAfterSeconds, turnToSignIn(carried)), 429);
    }
    try {
      const act = isByMail ? sendLink : config.signUp === 'open' ? makeAccount : askForApproval;
      return await act({ request, reply, typed, next, carried });
    } catch (error) {
      const errors = fieldErrors(error);
      if (!errors) throw error;
      return sendPage(reply, page({ username: form.username.trim(), email: typed.email }, carried, errors), 400);
    }
  });

  async function sendLink({ request, reply, typed: { email }, carried }: Asked): Promise<FastifyReply> {
    if (await throttle.takeMail(email)) {
      const wish = { email, lifetimeSeconds: config.login.linkSeconds };
      const asked = await accounts.askForLink(wish, anonymous(request));
      if (asked.outcome === 'known') message.known(email, asked.username);
      else message.link(email, `${publicAddress.origin}/invite/${asked.token}`, asked.link.expiresAt);
    }
    return sendOn(reply, withNext('/signup/sent', carried));
  }

  async function makeAccount({ request, reply, typed, next }: Asked): Promise<FastifyReply> {
    const user = await accounts.createUser({ ...typed, state: 'active' }, anonymous(request));
    return context.signIn(request, reply, user, next);
  }

  async function askForApproval({ request, reply, typed, carried }: Asked): Promise<FastifyReply> {
    const { email, username } = typed;
    const asked = await accounts.askForAccount(typed, anonymous(request), { isTold: mail.isConfigured });
    if (mail.isConfigured && (await throttle.takeMail(email))) {
      if (asked.outcome === 'known') message.known(email, asked.username);
      else if (asked.outcome === 'name-taken') message.nameTaken(email, username);
      else message.waiting(email, username);
    }
    return sendOn(reply, withNext('/signup/pending', carried));
  }

  const anonymous = (request: FastifyRequest) => ({ name: 'anonymous', address: context.addressOf(request) });
}

function sentPage(back: WayBack): string {
  return renderErrorPage({
    status: 200,
    heading: 'Look into your mailbox',
    reason: 'We have sent a mail to the address you gave. It says how to go on.',
    remedy: 'It may take a minute, and it may lie among unwanted mail.',
    ...back,
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
