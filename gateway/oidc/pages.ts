import { type Html, html, renderErrorPage, renderPage } from '../lib/index.ts';

/** What each scope shares, in words of the consent page. */
const scopeWords: Record<string, string> = {
  openid: 'that you are you (a permanent id without any meaning)',
  profile: 'your username',
  email: 'your e-mail address',
  groups: 'the teams you belong to, and whether you are an admin',
  offline_access: 'all of this also later, while you are away, until you or an admin ends it',
};

export function consentPage(consent: {
  clientName: string;
  clientHost: string;
  username: string;
  scopes: readonly string[];
  claims: readonly string[];
  action: string;
}): string {
  const known = consent.scopes.filter((scope) => Object.hasOwn(scopeWords, scope));
  const shared: Html[] = known.map((scope) => html`<li>${scopeWords[scope]}</li>`);
  if (consent.claims.length > 0) shared.push(html`<li>in particular: ${consent.claims.join(', ')}</li>`);
  return renderPage({
    title: `Allow ${consent.clientName}?`,
    body: html`<h1>Allow ${consent.clientName}?</h1>
      <p class="lead">
        <strong>${consent.clientName}</strong> at <strong>${consent.clientHost}</strong> wants to sign you in as
        <strong>${consent.username}</strong>. It will learn:
      </p>
      <ul class="plain">
        ${shared}
      </ul>
      <p class="hint">It will not learn your password and cannot act in Knot for you.</p>
      <form method="post" action="${consent.action}">
        <button class="button primary" name="decision" value="allow">Allow</button>
        <button class="button" name="decision" value="deny">Do not allow</button>
      </form>`,
  });
}

/** `form` is the provider's own form (`op.logoutForm`, with its secret); the buttons belong to it. */
export function signOutPage(signOut: { clientName: string | undefined; form: string }): string {
  const { clientName } = signOut;
  return renderPage({
    title: 'Sign out',
    body: html`<h1>Sign out of Knot?</h1>
      <p class="lead">
        ${clientName !== undefined && html`<strong>${clientName}</strong> asks for it. `}This ends your session here and
        in every tool you opened from here.
      </p>
      ${{ markup: signOut.form }}
      <p class="actions">
        <button class="button primary" type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
        <button class="button" type="submit" form="op.logoutForm">Stay signed in</button>
      </p>`,
  });
}

export function signedOutPage(clientName: string | undefined): string {
  return renderPage({
    title: 'Signed out',
    body: html`<h1>You are signed out</h1>
      <p class="lead">
        ${clientName === undefined ? 'Your session has ended.' : html`You are signed out of ${clientName}.`}
      </p>
      <p class="actions"><a class="button primary" href="/login">Sign in again</a></p>`,
  });
}

type ErrorWords = { status?: number; heading: string; reason: string; remedy: string };

const errorWords: Record<string, ErrorWords> = {
  access_denied: {
    status: 403,
    heading: 'You may not use this application',
    reason: 'It is open to certain groups only, and you are in none of them.',
    remedy: 'Ask an admin to add you to a group that may use it.',
  },
  invalid_client: {
    heading: 'Unknown application',
    reason: 'The application that sent you here is not registered with Knot.',
    remedy: 'Tell whoever runs the application; an admin of Knot can register it.',
  },
  invalid_redirect_uri: {
    heading: 'The sign-in was stopped',
    reason:
      'The application asked to send you to an address that is not registered for it. For your safety Knot does not go there.',
    remedy: 'Do not continue if a link in a message brought you here. Otherwise tell whoever runs the application.',
  },
  temporarily_unavailable: {
    status: 503,
    heading: 'Not available at the moment',
    reason: 'Knot cannot finish the sign-in just now.',
    remedy: 'Try again in a moment. If it stays like this, tell whoever runs this Knot.',
  },
  server_error: {
    status: 500,
    heading: 'Something went wrong',
    reason: 'Knot could not finish the sign-in.',
    remedy: 'Try again. If it happens again, tell an admin when it happened.',
  },
};

const otherError: ErrorWords = {
  heading: 'The sign-in cannot continue',
  reason: 'The request is incomplete, not allowed, or too old.',
  remedy: 'Go back to the application and start again.',
};

/** Whoever wanted to leave must be able to, whatever is wrong with the way an application asks for it. */
const signOutError: ErrorWords = {
  heading: 'The sign-out was stopped',
  reason: 'The application that sent you here did not ask for it as it must.',
  remedy: 'You may still be signed in: sign out here instead, and tell whoever runs the application.',
};

/** The page for an OAuth error that is shown to the person. `description` is written by the provider for developers. */
export function providerErrorPage(problem: {
  error: string;
  description?: string | undefined;
  status: number;
  isSignOut?: boolean;
}): {
  status: number;
  page: string;
} {
  const isSignOut = problem.isSignOut === true && problem.status < 500;
  const words = isSignOut ? signOutError : (errorWords[problem.error] ?? otherError);
  const isInternal = problem.error === 'server_error' || problem.status >= 500;
  const status = words.status ?? problem.status;
  const facts: [string, string][] = [['Error', problem.error]];
  if (problem.description && !isInternal && problem.error !== 'access_denied')
    facts.push(['Detail', problem.description]);
  const { heading, reason, remedy } = words;
  const home = { href: '/', label: 'Home' };
  const links = isSignOut ? [{ href: '/logout', label: 'Sign out' }, home] : [home];
  return { status, page: renderErrorPage({ status, heading, reason, remedy, facts, links }) };
}

export function expiredPage(): string {
  return renderErrorPage({
    status: 400,
    heading: 'This sign-in has expired',
    reason: 'It was finished already, took too long, or was started in another browser.',
    remedy: 'Go back to the application and start again.',
    links: [{ href: '/', label: 'Home' }],
  });
}

export function unknownPage(): string {
  return renderErrorPage({
    status: 404,
    heading: 'Not found',
    reason: 'There is no such page.',
    remedy: 'Go back to the application and start again.',
    links: [{ href: '/', label: 'Home' }],
  });
}
