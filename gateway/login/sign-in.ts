import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkName, type ErrorPage, html, newShortId, otherPort, renderErrorPage, reopenInline } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { endedNote } from './ended.ts';
import { nextOfForm, readForm, textOf, usernameOf } from './form.ts';
import { type Next, withNext, turned, turnTo } from './next.ts';
import { certificateNote, type FormPage, renderFormPage } from './pages.ts';
import { sendSecondStep } from './second-step.ts';
import { sendPage } from './send.ts';
import { notSetUpText } from './setup-state.ts';
import type { Attempt } from './throttle.ts';

type Note = NonNullable<FormPage['note']>;

type SignInState = {
  username?: string;
  next: Next;
  note?: Note | undefined;
  /** Who is signed in already, where the page is asked for all the same. */
  signedIn?: string | undefined;
  /** `reauthenticate`: a fresh sign-in is wanted; `switch`: another account is. */
  mode?: 'plain' | 'reauthenticate' | 'switch';
};

/** No name or e-mail address is longer. */
const longestHint = 254;

const notes: Record<string, string> = {
  'signed-out': 'You are signed out.',
  'password-changed': 'Your password is changed and every session of yours has ended. Sign in with the new password.',
};

const refusedNext: Note = {
  kind: 'bad',
  text: 'The address that sent you here names a place that is not on this platform, so you start at the home page.',
};

/** For who is signed in already: there is no form that could say it. */
const refusedNextPage: ErrorPage = {
  status: 400,
  heading: 'Nothing there',
  reason: 'The address that sent you here names a place that is not on this platform.',
  remedy: 'You are signed in: go on from the home page.',
  links: [{ href: '/', label: 'Home' }],
};

/**
 * `/login`: the sign-in form. `next` says where it leads; `reauthenticate=1` (the provider, for `prompt=login` or `max_age` of a
 * client) and `switch=1` (`account.ts`) show it to who is signed in, too.
 */
export function signInRoutes(app: FastifyInstance, context: LoginContext): void {
  const { accounts, sessions, audit, throttle, publicAddress, config, caPem, log } = context;

  // Said to everybody: whether this very account waits would tell which names others have (decision 0020).
  const refusalText =
    config.signUp === 'approval'
      ? 'Username or password is wrong. A new account works once an administrator has approved it.'
      : 'Username or password is wrong.';

  async function send(reply: FastifyReply, state: SignInState, status = 200): Promise<FastifyReply> {
    const form = await page(state);
    if (state.mode === 'reauthenticate') return sendSecondStep(reply, form, status);
    return sendPage(reply, renderFormPage(form), status);
  }

  async function page({ username = '', next, note, signedIn, mode = 'plain' }: SignInState): Promise<FormPage> {
    const isSetUp = await context.isSetUp();
    return {
      title: { plain: 'Sign in', reauthenticate: 'Confirm that it is you', switch: 'Use another account' }[mode],
      lead: leadOf(mode, signedIn),
      note: note ?? (isSetUp ? undefined : { kind: 'bad', text: notSetUpText }),
      hidden: next === '/' ? {} : { next },
      fields: [
        { name: 'username', label: 'Username or e-mail', value: username, autocomplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
      ],
      button: 'Sign in',
      below: html`${mode === 'switch' && html`<p><a href="${withNext('/login', next)}">Stay signed in as ${signedIn}</a></p>`}
        ${config.signUp !== 'off' && isSetUp && html`<div>New here? ${reopenInline({ label: 'Create an account', parameters: turnTo('signup', next) })}</div>`}
        <p>Forgot your password? An administrator can send you a link to choose a new one.</p>
        ${caPem() !== undefined && certificateNote}`,
    };
  }

  app.get<{ Querystring: Record<string, unknown> }>('/login', async (request, reply) => {
    const { next, isRefused } = context.readNext(textOf(request.query['next']));
    const elsewhere = turned(request, reply, 'signup', await context.carried(request, next));
    if (elsewhere) return elsewhere;
    const identity = await context.identityOf(request);
    if (identity) {
      const mode = modeOf(request);
      if (mode === 'plain' && isRefused)
        return sendPage(reply, renderErrorPage(refusedNextPage), refusedNextPage.status);
      if (mode === 'plain') return context.goOn(reply, next);
      const { username } = identity.principal;
      const known = mode === 'switch' ? {} : { username };
      const shown = { ...known, mode, signedIn: username, note: doneNote(request) };
      return send(reply, { ...shown, next: await context.carried(request, next) });
    }
    const ended = await sessions.whyEnded(request.headers.cookie);
    const note = doneNote(request) ?? (await endedNoteFor(request, ended)) ?? (await noteOnWay(request, isRefused));
    // A cookie that is no session (ended, tampered, tossed) only costs a lookup on each request: take it back. Not where this browser
    // has signed in since this request was sent: the cookie of the newer session has the same name.
    const isOver = ended !== 'signed_in_again' && request.headers.cookie?.includes('__Host-knot=') === true;
    if (isOver) reply.header('set-cookie', sessions.clearCookie());
    return send(reply, { username: hintOf(request), next: await context.carried(request, next), note });
  });

  /** Why the session ended whose cookie this browser still shows. */
  async function endedNoteFor({ headers }: FastifyRequest, ended: string | undefined): Promise<Note | undefined> {
    // A session whose person was switched off meanwhile is not ended yet, but nobody's any more.
    const session = await sessions.find(headers.cookie, '');
    return endedNote(session ? 'account_disabled' : ended);
  }

  /** What is wrong with the way here; a Knot that is not set up is said first. */
  async function noteOnWay(request: FastifyRequest, isRefused: boolean): Promise<Note | undefined> {
    if (!(await context.isSetUp())) return undefined;
    return isRefused ? refusedNext : portNote(request);
  }

  /** Through a tunnel one gets as far as this page, and from here to addresses that are not there. */
  function portNote({ host }: FastifyRequest): Note | undefined {
    const port = /:\d+$/.test(host) ? otherPort(`https://${host}`, publicAddress.origin) : undefined;
    return port && { kind: 'bad', text: `${port.message} ${port.remedy}` };
  }

  app.post('/login', async (request, reply) => {
    accounts.expectRoom();
    const form = readForm(request.body, ['username', 'password', 'next']);
    const name = usernameOf(form.username);
    const { next, isRefused } = context.readNext(nextOfForm(form, request.query));
    const attempt = { name, ...context.originOf(request) };
    const verdict = await throttle.take(attempt);
    if (!verdict.isAllowed) {
      log.warn({ address: attempt.address }, 'sign-in refused: too many attempts');
      const again = backToSignIn(await context.carried(request, next));
      return sendPage(
        reply.header('retry-after', verdict.retryAfterSeconds),
        blockedPage(verdict.retryAfterSeconds, { reopen: again }),
        429,
      );
    }
    const user = await verify(attempt, form.password);
    if (!user) {
      await refused(request, name, 'wrong_credentials');
      const text = `${refusalText}${isRefused ? ` ${refusedNext.text}` : ''}`;
      const mode = modeOf(request);
      const signedIn = mode === 'switch' ? (await context.identityOf(request))?.principal.username : undefined;
      return send(
        reply,
        {
          username: form.username.trim(),
          next: await context.carried(request, next),
          note: { kind: 'bad', text },
          mode: mode === 'switch' && signedIn === undefined ? 'plain' : mode,
          signedIn,
        },
        401,
      );
    }
    if (user.state !== 'active') {
      await throttle.succeed(attempt);
      await refused(request, user.username, user.state);
      const again = { reopen: backToSignIn(await context.carried(request, next)) };
      return sendPage(reply, user.state === 'pending' ? pendingPage(again) : disabledPage(again), 403);
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

/** The name a client knows already (`login_hint`, OpenID Connect Core 1.0 section 3.1.2.1); it only fills the field in. */
function hintOf(request: FastifyRequest): string {
  const hint = textOf((request.query as Record<string, unknown>)['login_hint']) ?? '';
  return hint.length <= longestHint ? hint : '';
}

/** What was just done. */
function doneNote(request: FastifyRequest): Note | undefined {
  const text = notes[textOf((request.query as { note?: unknown }).note) ?? ''];
  return text === undefined ? undefined : { kind: 'good', text };
}

function modeOf(request: FastifyRequest): NonNullable<SignInState['mode']> {
  const query = request.query as Record<string, unknown>;
  if (query['reauthenticate'] === '1') return 'reauthenticate';
  return query['switch'] === '1' ? 'switch' : 'plain';
}

function leadOf(mode: SignInState['mode'], signedIn: string | undefined): string | undefined {
  if (mode === 'reauthenticate') return 'What you are about to open asks for a fresh sign-in.';
  return mode === 'switch' ? `You stay signed in as ${signedIn} until the other account is.` : undefined;
}

/** A way back to the form: by `reopen` from an address of the form's own, whose fragment then stays, else by a link. */
export type WayBack = Pick<ErrorPage, 'links' | 'reopen'>;

/** `visit` is different each time: to the very same address a browser would only jump to the fragment (HTML, "navigate"). */
function backToSignIn(next: Next): NonNullable<WayBack['reopen']> {
  const visit = newShortId();
  return { label: 'Back to sign in', parameters: next === '/' ? { visit } : { next, visit } };
}

/** From the pages of a new account, whose addresses know the way as well. */
export function turnToSignIn(next: Next): WayBack {
  return { reopen: { label: 'Back to sign in', parameters: turnTo('login', next) } };
}

export function linkToSignIn(next: Next): WayBack {
  return { links: [{ href: withNext('/login', next), label: 'Back to sign in' }] };
}

export function blockedPage(retryAfterSeconds: number, back: WayBack): string {
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return renderErrorPage({
    status: 429,
    heading: 'Too many attempts',
    reason:
      'There were too many attempts to sign in, so signing in has to wait a little. This protects the account against guessing.',
    remedy: `Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}. If it was not you, tell an administrator.`,
    ...back,
  });
}

export function pendingPage(back: WayBack): string {
  return renderErrorPage({
    status: 403,
    heading: 'Waiting for approval',
    reason: 'An administrator looks at new accounts before they can be used.',
    remedy: 'You can sign in as soon as yours is approved; nothing else is needed from you.',
    ...back,
  });
}

function disabledPage(back: WayBack): string {
  return renderErrorPage({
    status: 403,
    heading: 'This account is disabled',
    reason: 'The password is right, but an administrator has switched this account off.',
    remedy: 'Ask an administrator if you think that this is a mistake.',
    ...back,
  });
}
