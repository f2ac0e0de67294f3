import { knotError } from '../lib/index.ts';

const longestValue = 8192;

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
    if (typeof value !== 'string' || value.length > longestValue) {
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
