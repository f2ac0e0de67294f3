import { type Html, html, type PageScript, renderPage } from '../lib/index.ts';

/** The markup of the sign-in pages. Everything works without JavaScript; what was typed is kept, except passwords. */

export type Field = {
  name: string;
  label: string;
  type?: 'text' | 'email' | 'password';
  value?: string;
  autocomplete: string;
  hint?: string;
  error?: string | undefined;
  isFocused?: boolean;
  /** Shown, sent along, and not to be changed. */
  isFixed?: boolean;
};

/** The name a person chooses once, on sign-up and through an invitation. */
export function usernameField(value: string, error: string | undefined): Field {
  return {
    name: 'username',
    label: 'Username',
    value,
    autocomplete: 'username',
    hint: 'Small letters and digits, 30 at most. It becomes part of addresses and cannot be changed.',
    error,
  };
}

export function field({
  name,
  label,
  type = 'text',
  value = '',
  autocomplete,
  hint,
  error,
  isFocused,
  isFixed,
}: Field): Html {
  // A refusal says what is expected; the hint would say it again below.
  const shownHint = error === undefined ? hint : undefined;
  const describedBy = [error && `${name}-error`, shownHint && `${name}-hint`].filter(Boolean).join(' ');
  const attributes = [
    type !== 'password' && html` value="${value}"`,
    type === 'text' && html` autocapitalize="none" autocorrect="off" spellcheck="false"`,
    describedBy !== '' && html` aria-describedby="${describedBy}"`,
    error !== undefined && html` aria-invalid="true"`,
    isFixed && html` readonly`,
    isFocused && html` autofocus`,
  ];
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required${attributes} />
    ${error && html`<p class="error" id="${name}-error">${error}</p>`}
    ${shownHint && html`<p class="hint" id="${name}-hint">${shownHint}</p>`}
  </div>`;
}

export type FormPage = {
  title: string;
  lead?: Html | string | undefined;
  note?: { kind: 'good' | 'bad'; text: string } | undefined;
  /** Without one the form is posted to the address of its page, whose fragment stays in the browser (`nextOfForm`). */
  action?: string;
  hidden?: Record<string, string>;
  fields: readonly Field[];
  /** One thing to tick, below the fields. */
  check?: { name: string; label: string; isTicked: boolean } | undefined;
  button: string;
  /** All problems are told by us, at their fields and at once, instead of one by one by the browser. */
  isCheckedHere?: boolean;
  /** Below the card: where else to go. */
  below?: Html | undefined;
  /** Only of a second step (`second-step.ts`). */
  script?: PageScript;
};

/** A page with one form: one heading, one primary action. */
export function renderFormPage({
  title,
  lead,
  note,
  action,
  hidden = {},
  fields,
  check,
  button,
  isCheckedHere,
  below,
  script,
}: FormPage): string {
  const wrong = fields.find(({ error }) => error !== undefined) ?? fields.find(({ value }) => !value);
  return renderPage({
    title,
    body: html`<h1>${title}</h1>
      ${lead && html`<p class="lead">${lead}</p>`}
      ${note && html`<p class="note ${note.kind}" role="${note.kind === 'bad' ? 'alert' : 'status'}">${note.text}</p>`}
      <form method="post" ${action !== undefined && html` action="${action}"`} ${isCheckedHere && html` novalidate`}>
        ${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
        ${fields.map((each) => field({ ...each, isFocused: each === wrong }))} ${check && tick(check)}
        <button class="button primary" type="submit">${button}</button>
      </form>`,
    ...(below === undefined ? {} : { below }),
    ...(script === undefined ? {} : { script }),
  });
}

const tick = ({ name, label, isTicked }: NonNullable<FormPage['check']>): Html =>
  html`<label class="check"
    ><input type="checkbox" name="${name}" value="1" ${isTicked && html`checked`} />${label}</label
  >`;

export const passwordHint = (minimumLength: number) =>
  `At least ${minimumLength} characters. A few unrelated words are easy to remember and hard to guess.`;

/** How to trust Knot's own certificate authority; shown where the browser may just have warned. */
export const certificateNote: Html = html`<details>
  <summary>Did your browser warn about the certificate?</summary>
  <p>
    This Knot signs its own certificates. <a href="/ca.pem" download>Download its certificate authority</a> and add it
    to the trusted authorities of your system or browser, and the warning will not come back.
  </p>
</details>`;
