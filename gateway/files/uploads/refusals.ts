import { ERRORS } from '@tus/server';

/** An answer of the library, as an error with a stack. */
export const refusal = ({ status_code, body }: { status_code: number; body: string }): Error =>
  Object.assign(new Error(body.trim()), { status_code, body });

export const notFound = (): Error => refusal(ERRORS.FILE_NOT_FOUND);
