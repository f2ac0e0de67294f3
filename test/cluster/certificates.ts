import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, PEM. */
export type Pair = { cert: string; key: string };

export type Subject = {
  /** Kubernetes reads the user from here. */
  commonName: string;
  /** Kubernetes reads the groups from here. */
  organizations?: readonly string[];
  /** A server's names and addresses. Without any it is a client's certificate; a node has both uses. */
  names?: readonly string[];
  isClient?: boolean;
};

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
const days = 24 * 3600 * 1000;

/** EC P-256, PEM: what a service account's tokens are signed with as well. */
export function newKeyPair(): { key: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: privateKey.export({ type: 'sec1', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  };
}

const cryptoKeys = (key: string) => ({
  privateKey: createPrivateKey(key).toCryptoKey(ecdsa, false, ['sign']),
  publicKey: createPublicKey(key).toCryptoKey(ecdsa, true, ['verify']),
});

const validity = () => ({ notBefore: new Date(Date.now() - days), notAfter: new Date(Date.now() + 30 * days) });

const newSerial = () => `40${randomBytes(15).toString('hex')}`;

/** The authority of one test cluster: whoever it names in a client's certificate is that user to the API server. */
export async function makeAuthority() {
  const { key } = newKeyPair();
  const keys = cryptoKeys(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: ['knot-test-cluster'] }],
    ...validity(),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
    ],
  });

  async function issue({ commonName, organizations = [], names = [], isClient }: Subject): Promise<Pair> {
    const leaf = newKeyPair();
    const uses = [
      ...(names.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : []),
      ...((isClient ?? names.length === 0) ? [x509.ExtendedKeyUsage.clientAuth] : []),
    ];
    const alternatives = names.map((name) => ({ type: /^[\d.]+$/.test(name) ? 'ip' : 'dns', value: name }) as const);
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      issuer: certificate.subjectName,
      subject: [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }],
      ...validity(),
      signingAlgorithm,
      publicKey: cryptoKeys(leaf.key).publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(uses),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension([...alternatives])] : []),
      ],
    });
    return { cert: issued.toString('pem'), key: leaf.key };
  }

  return { cert: certificate.toString('pem'), key, issue };
}
