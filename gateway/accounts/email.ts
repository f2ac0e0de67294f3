import { type KnotError, knotError, limits } from '../lib/index.ts';

/** The address as kept, and the form in which it is unique. */
export type EmailAddress = { email: string; key: string };

// https://html.spec.whatwg.org/#valid-e-mail-address: what the browser's own field accepts, plus the dot rules of RFC 5321.
const address =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/**
 * Checks the form and the lengths of RFC 5321 section 4.5.3.1; only a mail that arrives would prove more.
 * @throws KNOT_ACCOUNTS_EMAIL_INVALID
 */
export function parseEmail(text: string): EmailAddress {
  const email = text.trim();
  if (email.length > limits.email || email.indexOf('@') > 64) throw invalid();
  // ASCII only, so lower-casing cannot make two different addresses one.
  const key = email.toLowerCase();
  if (!/^[\x21-\x7e]+$/.test(email) || !address.test(key)) throw invalid();
  return { email, key };
}

/** The form in which an address is unique; undefined when it is none. */
export function emailKey(text: string): string | undefined {
  try {
    return parseEmail(text).key;
  } catch {
    return undefined;
  }
}

function invalid(): KnotError {
  return knotError('KNOT_ACCOUNTS_EMAIL_INVALID', 400, 'This is not an e-mail address.', {
    remedy: 'Write it as name@example.org.',
  });
}
