import { knotError } from '../lib/index.ts';

const longestValue = 8192;
/** An address the edge takes (`limits.headerBytes`), where a page did not shorten it. */
const longestNext = 64 * 1024;

/**
 * The named fields of a posted form; absent ones are ''. Repeated, nested or overlong ones are refused: a browser never sends
 * them for our forms.
 * @throws KNOT_LOGIN_FORM_INVALID
 */
export function readForm<const Name extends string>(body: unknown, names: readonly Name[]): Record<Name, string> {
  const form = {} as Record<Name, string>;
  for (const name of names) {
    const value =
      typeof body === 'object' && body !== null && Object.hasOwn(body, name)
        ? (body as Record<string, unknown>)[name]
        : '';
    if (typeof value !== 'string' || value.length > (name === 'next' ? longestNext : longestValue)) {
      throw knotError('KNOT_LOGIN_FORM_INVALID', 400, `The field "${name}" of the form cannot be read.`, {
        remedy: 'Open the page again and fill in the form there.',
      });
    }
    form[name] = value;
  }
  return form;
}

/** A name as it is stored: people type capitals and spaces where none belong. */
export function usernameOf(typed: string): string {
  return typed.trim().toLowerCase();
}

/** A parameter of an address that stands there once. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * The `next` of a form: its hidden field; else that of the address it was posted to, which is the page's own, because the forms have
 * no action. They have none so that the fragment of the page's address stays in the browser through all redirects (HTML, "form
 * submission": the document's URL; RFC 9110 section 10.2.2).
 */
export function nextOfForm(form: { next: string }, query: unknown): string | undefined {
  return form.next === '' ? textOf((query as { next?: unknown }).next) : form.next;
}
