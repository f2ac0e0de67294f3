import { X509Certificate } from 'node:crypto';
import { isKubeFault, type Kube, kinds, type KubeObject } from '../../kube/index.ts';
import { type Clock, dayMs, type Log } from '../../lib/index.ts';
import { authorityName, isUsable, makeAuthority, makeLeaf, newKey, type Pair } from '../../tls/index.ts';
import { managedBy } from '../rules/rule.ts';

/** What the listener shows, and what the API server must trust to believe it. */
export type AdmissionCertificate = {
  leaf: Pair;
  /** PEM: the authority, and the one before it for as long as that is valid. */
  bundle: string;
};

export type SecretPlace = { namespace: string; name: string };

/** A new authority is made this long before the old one ends; every leaf of the old one has ended by then. */
const authorityBeforeMs = 365 * dayMs;

type Kept = { authority: Pair; bundle: string; leaf: Pair };

/**
 * The certificate of the listener, in a Secret beside the gateway that all replicas share: the first one makes it, the others read it,
 * and it stays over restarts and upgrades. A leaf lives 90 days and is renewed 30 days before its end; the authority lives ten years.
 * A new authority is in the bundle before any leaf of it is shown: a leaf is made at its own time.
 *
 * @param host what the API server calls the listener by: `knot-admission.NAMESPACE.svc`, or `localhost`
 * @throws KnotError KNOT_KUBE_… when the Secret can be neither read nor written
 */
export async function readCertificate(
  kube: Kube,
  place: SecretPlace,
  { host, clock, log }: { host: string; clock: Clock; log: Log },
): Promise<AdmissionCertificate> {
  // Another replica may write at the same time; what it wrote is then as good.
  for (let attempt = 0; ; attempt++) {
    const secret = await kube.get(kinds.secret, place.name, place.namespace);
    const kept = secret && keptIn(secret);
    const wanted = await renewed(kept, host, clock.now());
    if (wanted === kept) return kept;
    try {
      await write(kube, place, secret, wanted);
      log.info(
        { ...place, validTo: new X509Certificate(wanted.leaf.cert).validTo },
        'a certificate for admission was made',
      );
      return wanted;
    } catch (error) {
      if (!isKubeFault(error, 'KNOT_KUBE_CONFLICT') || attempt > 4) throw error;
    }
  }
}

/** The same object where nothing is to be renewed. What is damaged or for another host is made anew. */
async function renewed(kept: Kept | undefined, host: string, nowMs: number): Promise<Kept> {
  const names = { domain: host };
  const isOfHost = (ca: X509Certificate) => ca.subject.split('\n').includes(`CN=${authorityName(names)}`);
  const hasAuthority = kept !== undefined && isUsable(kept.authority, nowMs, isOfHost, authorityBeforeMs);
  const authority = hasAuthority ? kept.authority : await makeAuthority(names, nowMs);
  const bundle = hasAuthority ? kept.bundle : authority.cert + authoritiesOf(kept?.bundle ?? '', nowMs, isOfHost);
  const isTrusted = (leaf: X509Certificate) =>
    certificatesIn(bundle).some((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey)) &&
    leaf.checkHost(host) !== undefined;
  const hasLeaf = kept !== undefined && isUsable(kept.leaf, nowMs, isTrusted);
  if (hasAuthority && hasLeaf) return kept;
  const leaf = hasLeaf ? kept.leaf : await makeLeaf(authority, newKey(), leafNames(host), nowMs);
  return { authority, bundle, leaf };
}

function leafNames(host: string): { type: 'dns' | 'ip'; value: string }[] {
  const loopback =
    host === 'localhost' ? (['127.0.0.1', '::1'] as const).map((value) => ({ type: 'ip' as const, value })) : [];
  return [{ type: 'dns', value: host }, ...loopback];
}

/** Those of a bundle that are still valid, as PEM. */
function authoritiesOf(bundle: string, nowMs: number, isOfHost: (ca: X509Certificate) => boolean): string {
  return certificatesIn(bundle)
    .filter((ca) => isOfHost(ca) && ca.validToDate.getTime() > nowMs)
    .map((ca) => ca.toString())
    .join('');
}

function certificatesIn(bundle: string): X509Certificate[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap((pem) => {
    try {
      return [new X509Certificate(pem)];
    } catch {
      return [];
    }
  });
}

const fields = { bundle: 'ca.crt', authorityKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' } as const;

function keptIn(secret: KubeObject): Kept | undefined {
  const data = (secret['data'] ?? {}) as Record<string, string>;
  const read = (field: string) => Buffer.from(data[field] ?? '', 'base64').toString();
  const bundle = read(fields.bundle);
  const [first] = certificatesIn(bundle);
  if (first === undefined) return undefined;
  return {
    authority: { cert: first.toString(), key: read(fields.authorityKey) },
    bundle,
    leaf: { cert: read(fields.cert), key: read(fields.key) },
  };
}

async function write(
  kube: Kube,
  { namespace, name }: SecretPlace,
  secret: KubeObject | undefined,
  kept: Kept,
): Promise<void> {
  const text = (value: string) => Buffer.from(value).toString('base64');
  const data = {
    [fields.bundle]: text(kept.bundle),
    [fields.authorityKey]: text(kept.authority.key),
    [fields.cert]: text(kept.leaf.cert),
    [fields.key]: text(kept.leaf.key),
  };
  if (secret === undefined) {
    const metadata = { namespace, name, labels: { [managedBy]: 'knot' } };
    await kube.create({ apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data });
    return;
  }
  // The version makes it a change of what was read: of two that renew at once the second is refused (409).
  const metadata = { resourceVersion: secret.metadata.resourceVersion };
  await kube.merge(kinds.secret, name, namespace, { metadata, data });
}
