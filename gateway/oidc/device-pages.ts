import { html, renderPage } from '../lib/index.ts';

const action = '/oidc/device';

/** Where the code of a terminal is entered. Without `secret` there is nothing to send. */
export function deviceCodePage({
  secret,
  problem,
}: {
  secret: string | undefined;
  problem: string | undefined;
}): string {
  return renderPage({
    title: 'Sign in a terminal',
    body: html`<h1>Sign in a terminal</h1>
      <p class="lead">Enter the code that <code>knot login</code> shows on your machine.</p>
      ${problem !== undefined && html`<p class="note bad" role="alert">${problem}</p>`}
      ${
        secret !== undefined &&
        html`<form method="post" action="${action}">
          <input type="hidden" name="xsrf" value="${secret}" />
          <div class="field">
            <label for="user_code">Code</label>
            <input
              id="user_code"
              name="user_code"
              type="text"
              autocomplete="off"
              autocapitalize="characters"
              spellcheck="false"
              maxlength="20"
              placeholder="XXXX-XXXX"
              required
              autofocus
            />
          </div>
          <button class="button primary" type="submit">Continue</button>
        </form>`
      }
      <p class="hint">
        Did somebody send you here with a code of theirs? Then close this page: whoever has that code would act in Knot
        as you.
      </p>`,
  });
}

export function deviceConfirmPage(asked: {
  clientName: string;
  from: string;
  program: string;
  userCode: string;
  secret: string | undefined;
  username: string | undefined;
}): string {
  const { clientName, from, program, userCode, secret, username } = asked;
  return renderPage({
    title: `Let ${clientName} in?`,
    body: html`<h1>Let ${clientName} in?</h1>
      <p class="lead">
        A program at <strong>${from}</strong> (${program}) wants to act in Knot
        ${username === undefined ? 'as whoever signs in on the next page' : html`as <strong>${username}</strong>`},
        until you or an admin ends it. It could read and change your files, what you share and the teams you manage. It
        cannot administer Knot, change your password or make tokens.
      </p>
      <p>Go on only if you have just run <code>knot login</code> yourself, and this code stands in your terminal:</p>
      <p class="code"><strong>${userCode}</strong></p>
      <p class="note bad">
        If somebody sent you this code or a link to this page, do not allow it: they would get all of this.
      </p>
      <form method="post" action="${action}">
        <input type="hidden" name="xsrf" value="${secret ?? ''}" />
        <input type="hidden" name="user_code" value="${userCode}" />
        <input type="hidden" name="confirm" value="yes" />
        <button class="button primary" type="submit">Allow</button>
        <button class="button" type="submit" name="abort" value="yes">Do not allow</button>
      </form>`,
  });
}

export function deviceAllowedPage(clientName: string | undefined): string {
  return renderPage({
    title: 'Your terminal is signed in',
    body: html`<h1>Your terminal is signed in</h1>
      <p class="lead">${clientName ?? 'The program'} goes on by itself. You can close this page.</p>
      <p class="hint">It is listed among your connected applications, where you can end it at any time.</p>`,
  });
}
