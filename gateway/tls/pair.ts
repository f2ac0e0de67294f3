import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type KnotError, knotError } from '../lib/index.ts';
import type { Pair } from './issue.ts';
import { isWildcardAccepted, type Names } from './server-names.ts';

/** Where the two halves came from, for messages. */
export type PairSource = { certFile: string; keyFile: string };

export type CheckedPair = Pair & { leaf: X509Certificate; expiresAt: number };

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function parseCertificate(cert: string, file: string): X509Certificate {
  const blocks = cert.match(pemCertificate) ?? [];
  try {
    const [leaf] = blocks.map((block) => new X509Certificate(block));
    if (leaf) return leaf;
  } catch (error) {
    throw knotError('KNOT_TLS_CERTIFICATE_INVALID', 500, `A certificate in ${file} cannot be read.`, {
      cause: error,
      remedy: 'Write the certificate of the server, then its chain, as PEM.',
    });
  }
  throw knotError('KNOT_TLS_CERTIFICATE_INVALID', 500, `There is no PEM certificate in ${file}.`, {
    remedy: 'Write the certificate of the server, then its chain, as PEM.',
  });
}

function parseKey(key: string, file: string): KeyObject {
  try {
    return createPrivateKey(key);
  } catch (error) {
    throw knotError('KNOT_TLS_KEY_INVALID', 500, `There is no private key that can be used in ${file}.`, {
      cause: error,
      remedy: 'Write the private key as PEM without a passphrase.',
    });
  }
}

function nameProblem(leaf: X509Certificate, { domain, appsDomain }: Names, certFile: string): KnotError | undefined {
  // A name that is surely not listed by itself, so that only the wildcard can cover it.
  const lacksBelow = (name: string): boolean =>
    isWildcardAccepted(name) && leaf.checkHost(`knot-wildcard-check.${name}`) === undefined;
  const missing = [
    ...(leaf.checkHost(domain) === undefined ? [domain] : []),
    // Nothing answers at APPSDOMAIN itself.
    ...[domain, ...(appsDomain === undefined ? [] : [appsDomain])].filter(lacksBelow).map((name) => `*.${name}`),
  ];
  if (missing.length === 0) return undefined;
  const covered = leaf.subjectAltName ?? 'no name';
  return knotError(
    'KNOT_TLS_NAME_MISSING',
    500,
    `The certificate in ${certFile} covers ${covered}, but not ${new Intl.ListFormat('en').format(missing)}.`,
    {
      remedy:
        appsDomain === undefined
          ? `Use a certificate for ${domain} and *.${domain}, or set domain to the name it is for.`
          : `Use one certificate for ${domain}, *.${domain} and *.${appsDomain}, or set domain and appsDomain to the names it is for.`,
    },
  );
}

/**
 * Checks that a pair can serve DOMAIN, its tools and people's services now.
 * @throws KNOT_TLS_CERTIFICATE_INVALID, KNOT_TLS_KEY_INVALID, KNOT_TLS_MISMATCH, KNOT_TLS_EXPIRED, KNOT_TLS_NAME_MISSING
 */
export function checkPair(pair: Pair, names: Names, nowMs: number, source: PairSource): CheckedPair {
  const leaf = parseCertificate(pair.cert, source.certFile);
  const key = parseKey(pair.key, source.keyFile);
  if (!leaf.checkPrivateKey(key)) {
    throw knotError('KNOT_TLS_MISMATCH', 500, `The key in ${source.keyFile} does not belong to ${source.certFile}.`, {
      remedy: 'Replace both files by a certificate and the key it was made for.',
    });
  }
  const validFrom = leaf.validFromDate.getTime();
  const expiresAt = leaf.validToDate.getTime();
  if (nowMs >= expiresAt || nowMs < validFrom) {
    const when = nowMs >= expiresAt ? `expired on ${leaf.validTo}` : `is valid only from ${leaf.validFrom}`;
    throw knotError('KNOT_TLS_EXPIRED', 500, `The certificate in ${source.certFile} ${when}.`, {
      remedy: 'Renew it (the files are watched), or set the clock of this machine right.',
    });
  }
  const missing = nameProblem(leaf, names, source.certFile);
  if (missing) throw missing;
  return { ...pair, leaf, expiresAt };
}

/** `27 February 2027`, in UTC as certificates have it: a day is what people plan by. */
export const dayOf = (date: Date): string =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(date);
