import { KnotError } from '../lib/index.ts';

export type FieldErrors = { username?: string; email?: string; password?: string };

/** What `accounts` refuses, at the fields of a form and in its words; undefined for what is no fault of the form. */
export function fieldErrors(error: unknown): FieldErrors | undefined {
  if (!(error instanceof KnotError) || error.statusCode >= 500) return undefined;
  const problems = error.details?.['problems'] as { field: string; message: string }[] | undefined;
  if (!problems) return undefined;
  return Object.fromEntries(problems.map(({ field, message }) => [field, message]));
}
