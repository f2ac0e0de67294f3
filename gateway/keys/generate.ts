import { generateKeyPair, type JsonWebKey } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';

export type KeyAlgorithm = 'ES256' | 'RS256';

export type GeneratedKey = { kid: string; algorithm: KeyAlgorithm; privateJwk: JsonWebKey };

const makeKeyPair = promisify(generateKeyPair);

/** A new key of each algorithm (RFC 7518: P-256, and RSA of 2048 bits), made off the event loop; `kid` is its RFC 7638 thumbprint. */
export async function generateKeys(): Promise<GeneratedKey[]> {
  const [elliptic, rsa] = await Promise.all([
    makeKeyPair('ec', { namedCurve: 'P-256' }),
    makeKeyPair('rsa', { modulusLength: 2048 }),
  ]);
  return await Promise.all([
    describe('ES256', elliptic.privateKey.export({ format: 'jwk' })),
    describe('RS256', rsa.privateKey.export({ format: 'jwk' })),
  ]);
}

async function describe(algorithm: KeyAlgorithm, privateJwk: JsonWebKey): Promise<GeneratedKey> {
  const kid = await calculateJwkThumbprint(privateJwk, 'sha256');
  return { kid, algorithm, privateJwk: { ...privateJwk, kid, alg: algorithm, use: 'sig' } };
}

/** The public half of a JSON Web Key: the members RFC 7518 sections 6.2.1 and 6.3.1 name, and nothing else. */
export function publicHalf(jwk: JsonWebKey): Record<string, unknown> {
  const { kty, kid, alg, use, crv, x, y, n, e } = jwk as Record<string, unknown>;
  return kty === 'EC' ? { kty, kid, alg, use, crv, x, y } : { kty, kid, alg, use, n, e };
}
