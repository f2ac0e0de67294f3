import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

/** 256 random bits, base64url (43 characters): session cookies, one-time codes, link tokens, client secrets. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** An immutable, public identifier (UUID v4). */
export function newId(): string {
  return randomUUID();
}

/** A short id a person can read aloud (80 bits, base32 without look-alikes): decisions, errors, requests. */
export function newShortId(): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  let id = '';
  for (const byte of randomBytes(16)) id += alphabet[byte & 31];
  return id;
}

/** SHA-256, base64url. Secrets are stored only in this form: they carry 256 random bits, so no salt or stretching. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Constant-time comparison of two strings of any length. */
export function equalSecrets(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest();
  const right = createHash('sha256').update(b).digest();
  return timingSafeEqual(left, right);
}
