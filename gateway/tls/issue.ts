import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { dayMs } from '../lib/index.ts';
import type { Names } from './server-names.ts';
import { nameConstraints, nameConstraintsOid } from './name-constraints.ts';

/** A certificate and its key, PEM. */
export type Pair = { cert: string; key: string };

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const backdateMs = dayMs;

export const authorityDays = 3650;
/** Far below the 398 days browsers allow. */
export const leafDays = 90;
export const renewBeforeMs = 30 * dayMs;

/** The subject tells which names the constraints of a CA are for. */
export const authorityName = ({ domain, appsDomain }: Names) =>
  `Knot local CA for ${domain}${appsDomain === undefined ? '' : ` and ${appsDomain}`}`;

/** Loaded only when something must be made: the import costs a good part of a warm start. */
async function loadX509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

const signingKey = (key: KeyObject) => key.toCryptoKey(ecdsa, false, ['sign']);
const publicKey = (key: KeyObject) => createPublicKey(key).toCryptoKey(ecdsa, true, ['verify']);

/** Positive, 127 random bits (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Makes a root that may sign leaves for the names of an installation and below, and nothing else. */
export async function makeAuthority(names: Names, nowMs: number): Promise<Pair> {
  const x509 = await loadX509();
  const key = newKey();
  const keyObject = createPrivateKey(key);
  const keys = { privateKey: signingKey(keyObject), publicKey: publicKey(keyObject) };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ O: ['Knot'] }, { CN: [authorityName(names)] }],
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + authorityDays * dayMs),
    signingAlgorithm: signing,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.Extension(nameConstraintsOid, true, nameConstraints(names)),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key };
}

/** Makes a server certificate for `names` over `key` (PEM), signed by the local CA. The first name is the common name. */
export async function makeLeaf(
  authority: Pair,
  key: string,
  names: readonly { type: 'dns' | 'ip'; value: string }[],
  nowMs: number,
): Promise<Pair> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.cert);
  const leafPublicKey = publicKey(createPrivateKey(key));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    issuer: issuer.subjectName,
    // Common names are limited to 64 characters and nobody reads them (RFC 9525 section 2); the SAN counts.
    subject: [{ O: ['Knot'] }, { CN: [(names[0]?.value ?? '').slice(0, 64)] }],
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + leafDays * dayMs, issuer.notAfter.getTime())),
    signingAlgorithm: signing,
    publicKey: leafPublicKey,
    signingKey: signingKey(createPrivateKey(authority.key)),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...names]),
      await x509.SubjectKeyIdentifierExtension.create(leafPublicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key };
}
