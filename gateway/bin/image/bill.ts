import { createHash } from 'node:crypto';
import type { InstalledPackage } from './packages.ts';

/** What else is in an image: a library of the system, a program. `purl` without a version (github.com/package-url/purl-spec). */
export type OtherPart = { purl: string; name: string; version: string; license?: string };

/**
 * What an image is made of, as a CycloneDX 1.6 document (ECMA-424): every package with its digest and licence. The same parts make the
 * same document, its number included.
 */
export function billOfMaterials(image: {
  version: string;
  packages: readonly InstalledPackage[];
  others: readonly OtherPart[];
  createdAt: number;
}): string {
  const npm = image.packages.map(({ name, version, license, integrity }) => ({
    ...component(`pkg:npm/${name.replace('@', '%40')}`, name, version, license),
    ...(integrity?.startsWith('sha512-') && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') }],
    }),
  }));
  const others = image.others.map(({ purl, name, version, license }) => component(purl, name, version, license));
  const byReference = new Map([...npm, ...others].map((one) => [one['bom-ref'], one]));
  const components = [...byReference.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
  const about = {
    timestamp: new Date(image.createdAt * 1000).toISOString(),
    component: { ...component('pkg:npm/knot', 'knot', image.version, 'Apache-2.0'), type: 'application' },
  };
  const text = (serialNumber: string) =>
    `${JSON.stringify(
      {
        $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
        bomFormat: 'CycloneDX',
        specVersion: '1.6',
        serialNumber,
        version: 1,
        metadata: about,
        components,
      },
      null,
      1,
    )}\n`;
  return text(`urn:uuid:${uuidOf(text(''))}`);
}

function component(purl: string, name: string, version: string, license: string | undefined) {
  const [kind, qualifiers] = purl.split('?');
  const reference = `${kind}@${encodeURIComponent(version)}${qualifiers === undefined ? '' : `?${qualifiers}`}`;
  return {
    type: 'library',
    'bom-ref': reference,
    name,
    version,
    purl: reference,
    ...(license !== undefined && {
      licenses: [/[ ()]/.test(license) ? { expression: license } : { license: nameOf(license) }],
    }),
  };
}

/** An SPDX identifier, or what somebody wrote in its place. */
function nameOf(license: string): { id: string } | { name: string } {
  return /^[A-Za-z0-9.+-]+$/.test(license) && license !== 'UNLICENSED' ? { id: license } : { name: license };
}

/** RFC 9562, version 8: of our own making, from the contents. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
