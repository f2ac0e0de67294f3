import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { type ComponentHealth, every, type Log } from '../lib/index.ts';
import { authorityName, makeAuthority, makeLeaf, newKey, type Pair, renewBeforeMs } from './issue.ts';
import { keepFile, readKept } from './keep.ts';
import { dayOf } from './pair.ts';
import { contextOf, createPresenter } from './presenter.ts';
import type { Names } from './server-names.ts';
import type { CertificateOptions, Certificates } from './certificates.ts';

const nameLeavesKept = 256;

/** Whether cert and key can be read, belong together and stay valid beyond the time of renewal. */
export function isUsable(
  { cert, key }: Pair,
  nowMs: number,
  isRight: (certificate: X509Certificate) => boolean,
  beforeMs = renewBeforeMs,
): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const isCurrent =
      nowMs >= certificate.validFromDate.getTime() && nowMs < certificate.validToDate.getTime() - beforeMs;
    return isCurrent && isRight(certificate) && certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    // What cannot be parsed was damaged; it is made anew.
    return false;
  }
}

/** Reads the CA of the data folder, or makes one: at first start, when it is damaged or old, and for other names. */
async function openAuthority(folder: string, names: Names, nowMs: number, log: Log): Promise<Pair> {
  const certFile = join(folder, 'ca.pem');
  const keyFile = join(folder, 'ca.key');
  const kept = { cert: readKept(certFile), key: readKept(keyFile) };
  if (kept.cert !== undefined && kept.key !== undefined) {
    const pair = { cert: kept.cert, key: kept.key };
    // Its constraints are for these names, so under others it would be refused by every client.
    const isOfNames = (ca: X509Certificate) => ca.subject.split('\n').includes(`CN=${authorityName(names)}`);
    if (isUsable(pair, nowMs, isOfNames)) return pair;
    log.warn(
      { file: certFile, ...names },
      'the local CA is damaged, old or for another domain; a new one must be trusted',
    );
  }
  const made = await makeAuthority(names, nowMs);
  keepFile(keyFile, made.key, 0o600);
  keepFile(certFile, made.cert, 0o644);
  return made;
}

function leafNames({ domain, appsDomain }: Names): { type: 'dns' | 'ip'; value: string }[] {
  return [
    ...[domain, ...(appsDomain === undefined ? [] : [appsDomain])].flatMap((name) => [
      { type: 'dns' as const, value: name },
      { type: 'dns' as const, value: `*.${name}` },
    ]),
    ...(domain === 'localhost' ? (['127.0.0.1', '::1'] as const).map((value) => ({ type: 'ip' as const, value })) : []),
  ];
}

/** The certificates of a machine of one's own: `<data>/tls/` with `ca.pem`, `ca.key` and `leaf.pem` (key and certificate). */
export async function openLocalCertificates(options: CertificateOptions): Promise<Certificates> {
  const { domain, appsDomain, dataFolder, clock, log, isKnownHost, checkEveryMs = 3600 * 1000 } = options;
  const names: Names = { domain, appsDomain };
  const folder = join(dataFolder, 'tls');
  const caFile = caFileIn(dataFolder);
  const leafFile = join(folder, 'leaf.pem');
  const authority = await openAuthority(folder, names, clock.now(), log);
  let renewalProblem: string | undefined;

  const isOfAuthority = (certificate: X509Certificate) =>
    certificate.checkIssued(new X509Certificate(authority.cert)) &&
    certificate.verify(new X509Certificate(authority.cert).publicKey) &&
    certificate.checkHost(domain) !== undefined;

  async function makeDefaultLeaf(): Promise<Pair> {
    const made = await makeLeaf(authority, newKey(), leafNames(names), clock.now());
    // One file, so that key and certificate can never be of different generations.
    keepFile(leafFile, made.key + made.cert, 0o600);
    log.info({ domain, validTo: new X509Certificate(made.cert).validTo }, 'a new certificate was made');
    return made;
  }

  function readDefaultLeaf(): Pair | undefined {
    const text = readKept(leafFile);
    const start = text?.indexOf('-----BEGIN CERTIFICATE-----') ?? -1;
    if (text === undefined || start < 0) return undefined;
    const pair = { key: text.slice(0, start), cert: text.slice(start) };
    return isUsable(pair, clock.now(), isOfAuthority) ? pair : undefined;
  }

  let leaf = readDefaultLeaf() ?? (await makeDefaultLeaf());

  const byName = new LRUCache<string, Promise<SecureContext>>({ max: nameLeavesKept });

  /** A leaf for one name: kept in memory only, over the key of the default leaf, for as long as that one is in force. */
  async function contextBelow(host: string): Promise<SecureContext | undefined> {
    if (!isKnownHost(host)) return undefined;
    const kept = byName.get(host);
    if (kept) return kept;
    const made = makeLeaf(authority, leaf.key, [{ type: 'dns', value: host }], clock.now()).then(contextOf);
    byName.set(host, made);
    made.catch(() => byName.delete(host));
    return made;
  }

  const presenter = createPresenter({
    pair: leaf,
    names,
    log,
    contextBelow,
  });

  async function renew(): Promise<void> {
    if (isUsable(leaf, clock.now(), isOfAuthority)) return;
    try {
      leaf = await makeDefaultLeaf();
      byName.clear();
      renewalProblem = undefined;
      presenter.swap(leaf);
    } catch (error) {
      renewalProblem = error instanceof Error ? error.message : String(error);
      log.error({ err: error }, 'renewing the certificate failed');
    }
  }
  const renewing = every(checkEveryMs, renew, { log, complaint: 'renewing the certificate failed' });

  return {
    sniCallback: presenter.sniCallback,
    onChange: presenter.onChange,
    current: () => ({ ...leaf }),
    caPem: () => authority.cert,
    caFile: () => caFile,
    health(): ComponentHealth {
      const until = dayOf(new X509Certificate(leaf.cert).validToDate);
      if (renewalProblem !== undefined) {
        return {
          name: 'certificate',
          status: 'failed',
          message: `The certificate could not be renewed and ends on ${until}: ${renewalProblem}`,
          remedy: 'Give the gateway write access to its data folder; it tries again every hour.',
        };
      }
      return {
        name: 'certificate',
        status: 'ok',
        message: `Local CA; the certificate is valid until ${until} and renews itself.`,
      };
    },
    close: renewing.stop,
  };
}

/** Where the certificate of Knot's own authority lies in a data folder. */
export function caFileIn(dataFolder: string): string {
  return join(dataFolder, 'tls', 'ca.pem');
}
