import { otherPort } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import type { NoProgram } from '../judge/gate.ts';
import type { Refusal } from '../message/answers.ts';

/** What the proxy says in its own name to those who are not signed in, or who come from somewhere else. */

export function unauthenticated(host: string): Refusal {
  return {
    status: 401,
    heading: 'Sign in first',
    reason: 'This request carries no valid session.',
    remedy: 'Open the address in a browser and sign in.',
    code: 'KNOT_PROXY_UNAUTHENTICATED',
    reasonCode: 'no_session',
    headers: { 'www-authenticate': `Knot realm="${host}"` },
  };
}

/**
 * A form that came without a session. It cannot be sent to sign in, because what it carries would be lost in silence; so the person
 * hears that, and gets back to the page of the form.
 */
export function formNotSent({ host, title }: Route, form: { signIn: string; knowsPage: boolean }): Refusal {
  return {
    ...unauthenticated(host),
    heading: 'The form was not sent',
    reason: `You are not signed in any more, so ${title} did not get what you sent.`,
    remedy: form.knowsPage
      ? 'Sign in: you come back to the page of the form, and can send it again. What you typed may still be there if you go back in your browser instead, once you are signed in.'
      : 'Sign in: you come to the start of the application, because the browser did not say which page the form is on. What you typed may still be there if you go back in your browser instead, once you are signed in.',
    links: [{ href: form.signIn, label: 'Sign in' }],
  };
}

/**
 * A form that the page of another site sent here (SAML, `response_mode=form_post`): browsers keep SameSite=Lax cookies to themselves
 * then (RFC 6265bis section 5.6.7.1), so nobody can tell whether the person is signed in.
 */
export function foreignFormNotSent({ host, title }: Route, form: { signIn: string }): Refusal {
  return {
    ...unauthenticated(host),
    heading: 'The form was not sent',
    reason: `Another site sent this form to ${title}, and browsers do not send your sign-in along with such a form. It did not reach the application.`,
    remedy: `Open ${title} and start from there. If this was the way back from signing in somewhere else, an administrator has to make the address of ${title} that takes such forms a public path.`,
    links: [{ href: form.signIn, label: `Open ${title}` }],
    reasonCode: 'no_session_cross_site',
  };
}

export function linkNotOpened({ title }: Route): Refusal {
  return {
    status: 400,
    heading: 'The link was not opened',
    reason: `This address lets one guest into ${title} once, within a minute.`,
    remedy: 'Open the link you were sent once more.',
    code: 'KNOT_PROXY_GUEST_CODE',
    reasonCode: 'guest_code',
  };
}

/** Without `next`, the link says nothing about where it led. */
export function handoffFailed({ title }: Route, next?: string): Refusal {
  return {
    status: 400,
    heading: 'Sign-in was not completed',
    ...(next === undefined
      ? { reason: 'The sign-in link is too old, or it was cut off on the way.' }
      : {
          reason: 'The sign-in came back without the cookie that this address had set before, twice.',
          remedy: 'Allow cookies for this address in your browser, and open it in a window of its own. Then try again.',
        }),
    links: [next === undefined ? { href: '/', label: `Open ${title}` } : { href: next, label: 'Try again' }],
    code: 'KNOT_PROXY_HANDOFF_FAILED',
    reasonCode: 'handoff_failed',
  };
}

export function crossOrigin({ title }: Route, publicOrigin: string, origin: string | undefined): Refusal {
  const port = otherPort(origin, publicOrigin);
  return {
    status: 403,
    heading: 'Request refused',
    reason: port?.message ?? 'The request comes from a page of another address, and it would change something here.',
    remedy: port?.remedy ?? `Open ${title} itself and repeat what you did.`,
    links: [{ href: `${publicOrigin}/`, label: `Open ${title}` }],
    code: 'KNOT_PROXY_CROSS_ORIGIN',
    reasonCode: 'cross_origin',
  };
}

/** Whom a tool's own credentials name may not come: told alike whether they are disabled or the policies say so, because anybody can name them. */
export function claimRefused({ title }: Route): Refusal {
  return {
    status: 401,
    heading: 'Not let in',
    reason: `Whom these credentials name may not use ${title} now.`,
    remedy: 'Sign in to Knot to see why.',
    code: 'KNOT_PROXY_CLAIMED',
    reasonCode: 'claimed_refused',
    headers: { 'www-authenticate': 'Basic realm="Knot"' },
  };
}

/** What a program showed does not let it in (RFC 6750 section 3.1). */
export function programRefused(why: NoProgram, { title, switches: { programs } }: Route, origin: string): Refusal {
  const makeOne = `Make a token for ${programs} at ${origin}/account/tokens.`;
  switch (why) {
    case 'unknown':
      return {
        status: 401,
        heading: 'This token is not valid',
        reason: 'It was revoked, has expired or never was one.',
        remedy: makeOne,
        code: 'KNOT_PROXY_TOKEN',
        reasonCode: 'token_unknown',
        headers: { 'www-authenticate': 'Bearer realm="Knot", error="invalid_token"' },
      };
    case 'scope':
      return {
        status: 403,
        heading: 'This token is made for something else',
        reason: `${title} asks for one that is made for ${programs}.`,
        remedy: makeOne,
        code: 'KNOT_PROXY_TOKEN_SCOPE',
        reasonCode: 'token_scope',
        headers: { 'www-authenticate': 'Bearer realm="Knot", error="insufficient_scope"' },
      };
    case 'too-often':
      return {
        status: 429,
        heading: 'Too many tokens that do not exist',
        reason: 'They came from this network.',
        remedy: 'Check the token, and try again in a minute.',
        code: 'KNOT_PROXY_TOKEN_GUESSES',
        reasonCode: 'token_guesses',
        headers: { 'retry-after': '60' },
      };
  }
}
