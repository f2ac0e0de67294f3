import { KnotError } from '../lib/index.ts';

const fieldsByCode: readonly (readonly [prefix: string, field: 'username' | 'email' | 'password'])[] = [
  ['KNOT_ACCOUNTS_NAME_', 'username'],
  ['KNOT_ACCOUNTS_EMAIL_', 'email'],
  ['KNOT_ACCOUNTS_PASSWORD_', 'password'],
];

export type FieldErrors = { username?: string; email?: string; password?: string };

/** The field a refusal of `accounts` belongs to, with its words; undefined for what is no fault of the form. */
export function fieldErrors(error: unknown): FieldErrors | undefined {
  if (!(error instanceof KnotError) || error.statusCode >= 500) return undefined;
  const found = fieldsByCode.find(([prefix]) => error.code.startsWith(prefix));
  if (!found) return undefined;
  return { [found[1]]: error.remedy === undefined ? error.message : `${error.message} ${error.remedy}` };
}
