import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Link, LinkKind } from '../accounts/index.ts';
import { KnotError, renderErrorPage } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { type FieldErrors, fieldErrors } from './field-errors.ts';
import { readForm, usernameOf } from './form.ts';
import { blockedPage, linkToSignIn } from './sign-in.ts';
import { type Field, passwordHint, renderFormPage, usernameField } from './pages.ts';
import { sendOn, sendPage } from './send.ts';

type Kind = { path: string; kind: LinkKind; title: string; lead: string; button: string; makesAccount: boolean };

const kinds: readonly Kind[] = [
  {
    path: '/setup',
    kind: 'setup',
    title: 'Set up Knot',
    lead: 'Make the first administrator. This link works once.',
    button: 'Create administrator',
    makesAccount: true,
  },
  {
    path: '/invite',
    kind: 'invitation',
    title: 'Welcome',
    lead: 'You are invited. Choose a username and a password, and you are in.',
    button: 'Create account',
    makesAccount: true,
  },
  {
    path: '/reset',
    kind: 'reset',
    title: 'Choose a new password',
    lead: 'You will be signed out everywhere, connected applications included, and sign in again with the new one.',
    button: 'Change password',
    makesAccount: false,
  },
];

type Typed = { username: string; email: string; keepsConnections?: boolean };

/** `/setup`, `/invite` and `/reset`, each with the token as `/TOKEN` or `?token=`: what one-time links lead to. */
export function linkRoutes(app: FastifyInstance, context: LoginContext): void {
  const { accounts, sessions, config, throttle } = context;

  for (const kind of kinds) {
    const open = async (request: FastifyRequest, reply: FastifyReply) => {
      const token = tokenOf(request);
      const link = await accounts.findLink(token, kind.kind);
      if (!link) return refuse(reply, kind);
      return sendPage(reply, page(kind, token, link, { username: '', email: '' }));
    };
    app.get(kind.path, open);
    app.get(`${kind.path}/:token`, open);
    app.post(kind.path, (request, reply) => redeem(request, reply, kind));
  }

  async function redeem(request: FastifyRequest, reply: FastifyReply, kind: Kind): Promise<FastifyReply> {
    const form = readForm(request.body, ['token', 'username', 'email', 'password', 'keepConnections']);
    const keepsConnections = form.keepConnections !== '';
    const typed = { username: form.username.trim(), email: form.email.trim(), keepsConnections };
    const attempt = { address: context.addressOf(request) };
    const verdict = await throttle.take(attempt);
    if (!verdict.isAllowed) {
      reply.header('retry-after', verdict.retryAfterSeconds);
      return sendPage(reply, blockedPage(verdict.retryAfterSeconds, linkToSignIn('/')), 429);
    }
    const link = await accounts.findLink(form.token, kind.kind);
    if (!link) return refuse(reply, kind);
    // Who has the link guesses nothing, however often a password is refused.
    await throttle.refund(attempt);
    const { password } = form;
    const input = kind.makesAccount
      ? { ...typed, username: usernameOf(typed.username), password }
      : { password, keepsConnections };
    const actor = { name: 'anonymous', address: context.addressOf(request) };
    try {
      const user = await accounts.redeemLink(form.token, kind.kind, input, actor);
      if (kind.makesAccount) return await context.signIn(request, reply, user, '/');
      const known = await context.recognise(request, user);
      // Somebody else in this browser: their session ends when the other one begins, not before, and never by losing its cookie.
      const isSomebodyElse = (await sessions.find(request.headers.cookie, '')) !== null;
      return isSomebodyElse
        ? sendOn(reply.header('set-cookie', known), '/login?switch=1&note=password-changed')
        : sendOn(reply.header('set-cookie', [sessions.clearCookie(), known]), '/login?note=password-changed');
    } catch (error) {
      const errors = fieldErrors(error);
      if (errors) return sendPage(reply, page(kind, form.token, link, typed, errors), 400);
      // Somebody else was faster with the same link, or with another one.
      if (error instanceof KnotError && (error.statusCode === 409 || error.statusCode === 410))
        return refuse(reply, kind);
      throw error;
    }
  }

  function page(kind: Kind, token: string, link: Link, typed: Typed, errors: FieldErrors = {}): string {
    return renderFormPage({
      title: kind.title,
      lead: kind.lead,
      action: kind.path,
      hidden: { token },
      fields: [...(kind.makesAccount ? accountFields(link, typed, errors) : []), passwordField(kind, errors)],
      check: kind.makesAccount
        ? undefined
        : {
            name: 'keepConnections',
            label: 'Keep my connected applications',
            isTicked: typed.keepsConnections === true,
          },
      button: kind.button,
      isCheckedHere: true,
    });
  }

  function passwordField({ makesAccount }: Kind, errors: FieldErrors): Field {
    return {
      name: 'password',
      label: makesAccount ? 'Password' : 'New password',
      type: 'password',
      autocomplete: 'new-password',
      hint: passwordHint(config.login.minimumPasswordLength),
      error: errors.password,
    };
  }

  async function refuse(reply: FastifyReply, { kind }: Kind): Promise<FastifyReply> {
    const isSetupDone = kind === 'setup' && (await accounts.hasAdmin());
    const page = renderErrorPage({
      status: 410,
      heading: 'This link no longer works',
      reason: isSetupDone
        ? 'Knot is set up already: an administrator exists.'
        : 'It was used, replaced by a newer one, or its time is over. Perhaps it was cut off when it was copied.',
      remedy: isSetupDone ? 'Sign in, or ask an administrator for an invitation.' : remedies[kind],
      links: [{ href: '/login', label: 'Sign in' }],
    });
    return sendPage(reply, page, 410);
  }
}

const remedies: Record<LinkKind, string> = {
  setup: 'Start Knot again: it prints a new setup link.',
  invitation: 'Ask the person who invited you for a new link.',
  reset: 'Ask an administrator for a new link.',
};

function accountFields(link: Link, typed: Typed, errors: FieldErrors): Field[] {
  return [
    usernameField(typed.username, errors.username),
    {
      name: 'email',
      label: 'E-mail',
      type: 'email',
      value: link.email ?? typed.email,
      isFixed: link.email !== null,
      autocomplete: 'email',
      error: errors.email,
    },
  ];
}

function tokenOf(request: FastifyRequest): string {
  const { token } = request.params as { token?: string };
  const { token: queried } = request.query as { token?: unknown };
  return token ?? (typeof queried === 'string' ? queried : '');
}
