import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkName, html, renderErrorPage } from '../lib/index.ts';
import { type LoginContext, sendOn, sendPage } from './context.ts';
import { readForm, usernameOf } from './form.ts';
import type { Attempt } from './throttle.ts';
import { certificateNote, type FormPage, renderFormPage } from './pages.ts';

type SignInState = { username?: string; next: string; note?: FormPage['note']; isAgain?: boolean };

const notes: Record<string, string> = {
  'signed-out': 'You are signed out.',
  'password-changed': 'Your password is changed and every session of yours has ended. Sign in with the new password.',
};

/** `/login`: the sign-in form. */
export function signInRoutes(app: FastifyInstance, context: LoginContext): void {
  const { accounts, sessions, audit, throttle, config, caPem, log } = context;

  function page({ username = '', next, note, isAgain = false }: SignInState): string {
    return renderFormPage({
      title: isAgain ? 'Confirm that it is you' : 'Sign in',
      lead: isAgain ? 'What you are about to open asks for a fresh sign-in.' : undefined,
      note,
      action: '/login',
      hidden: next === '/' ? {} : { next },
      fields: [
        { name: 'username', label: 'Username or e-mail', value: username, autocomplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
      ],
      button: 'Sign in',
      below: html`${config.signUp !== 'off' && html`<p>New here? <a href="/signup">Create an account</a></p>`}
        <p>Forgot your password? An administrator can send you a link to choose a new one.</p>
        ${caPem() !== undefined && certificateNote}`,
    });
  }

  app.get<{ Querystring: Record<string, unknown> }>('/login', async (request, reply) => {
    const next = context.nextOf(textOf(request.query['next']));
    const identity = await context.identityOf(request);
    if (identity) {
      // Asked for by the provider: `prompt=login` or `max_age` of a client.
      if (request.query['reauthenticate'] !== '1') return sendOn(reply, next);
      return sendPage(reply, page({ username: identity.principal.username, next, isAgain: true }));
    }
    const text = notes[textOf(request.query['note']) ?? ''];
    // A cookie that is no session (ended, tampered, tossed) only costs a lookup on each request: take it back.
    if (request.headers.cookie?.includes('__Host-knot=')) reply.header('set-cookie', sessions.clearCookie());
    return sendPage(reply, page({ next, note: text === undefined ? undefined : { kind: 'good', text } }));
  });

  app.post('/login', async (request, reply) => {
    const form = readForm(request.body, ['username', 'password', 'next']);
    const name = usernameOf(form.username);
    const next = context.nextOf(form.next);
    const attempt = { name, ...context.originOf(request) };
    const verdict = await throttle.take(attempt);
    if (!verdict.isAllowed) {
      log.warn({ address: attempt.address }, 'sign-in refused: too many attempts');
      return refuseBlocked(reply, verdict.retryAfterSeconds);
    }
    const user = await verify(attempt, form.password);
    if (!user) {
      await refused(request, name, 'wrong_credentials');
      const note = { kind: 'bad', text: 'Username or password is wrong.' } as const;
      return sendPage(reply, page({ username: form.username.trim(), next, note }), 401);
    }
    if (user.state !== 'active') {
      await throttle.succeed(attempt);
      await refused(request, user.username, user.state);
      return sendPage(reply, user.state === 'pending' ? pendingPage() : disabledPage(), 403);
    }
    return context.signIn(request, reply, user, next, attempt);
  });

  async function verify(attempt: Attempt & { name: string }, password: string) {
    try {
      return (await accounts.verifyPassword(attempt.name, password))?.user;
    } catch (error) {
      await throttle.refund(attempt);
      throw error;
    }
  }

  async function refused(request: FastifyRequest, name: string, reason: string): Promise<void> {
    const username = name.includes('@') ? ((await accounts.findSignIn(name))?.username ?? '') : name;
    // What is no possible name may be a password typed into the wrong field.
    const isName = checkName(username)?.reason !== 'pattern';
    await audit.append({
      action: 'signin.refused',
      actor: 'anonymous',
      subject: isName ? `user:${username}` : 'user:(no name)',
      outcome: 'refused',
      address: context.addressOf(request),
      detail: { reason },
    });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function refuseBlocked(reply: FastifyReply, retryAfterSeconds: number): FastifyReply {
  return sendPage(reply.header('retry-after', retryAfterSeconds), blockedPage(retryAfterSeconds), 429);
}

export function blockedPage(retryAfterSeconds: number): string {
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return renderErrorPage({
    status: 429,
    heading: 'Too many attempts',
    reason:
      'There were too many attempts to sign in, so signing in has to wait a little. This protects the account against guessing.',
    remedy: `Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}. If it was not you, tell an administrator.`,
    links: [{ href: '/login', label: 'Back to sign in' }],
  });
}

export function pendingPage(): string {
  return renderErrorPage({
    status: 403,
    heading: 'Waiting for approval',
    reason: 'Your account is made. An administrator looks at new accounts before they can be used.',
    remedy: 'You can sign in as soon as yours is approved; nothing else is needed from you.',
    links: [{ href: '/login', label: 'Back to sign in' }],
  });
}

function disabledPage(): string {
  return renderErrorPage({
    status: 403,
    heading: 'This account is disabled',
    reason: 'The password is right, but an administrator has switched this account off.',
    remedy: 'Ask an administrator if you think that this is a mistake.',
    links: [{ href: '/login', label: 'Back to sign in' }],
  });
}
