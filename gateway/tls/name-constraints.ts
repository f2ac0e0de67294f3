import type { Names } from './server-names.ts';

/**
 * The name constraints extension (RFC 5280 section 4.2.1.10) in DER. People put the local CA into the trust store of their
 * machine: constrained to DOMAIN and APPSDOMAIN, its key is worth nothing against any other site.
 */
export const nameConstraintsOid = '2.5.29.30';

const dnsName = 0x82;
const ipAddress = 0x87;
const sequence = 0x30;
const permitted = 0xa0;
const excluded = 0xa1;

function encode(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const subtree = (tag: number, value: Uint8Array) => encode(sequence, encode(tag, value));

/** A range is an address followed by its mask. */
const loopback4 = Buffer.from([127, 0, 0, 1, 255, 255, 255, 255]);
const loopback6 = Buffer.concat([Buffer.alloc(15), Buffer.from([1]), Buffer.alloc(16, 255)]);
const everything4 = Buffer.alloc(8);
const everything6 = Buffer.alloc(32);

/** Permits the names and all below them; of addresses the loopback ones where DOMAIN is `localhost`, else none. */
export function nameConstraints({ domain, appsDomain }: Names): Buffer {
  const subtrees = [domain, appsDomain].flatMap((name) =>
    name === undefined ? [] : [subtree(dnsName, Buffer.from(name, 'ascii'))],
  );
  return domain === 'localhost'
    ? encode(sequence, encode(permitted, ...subtrees, subtree(ipAddress, loopback4), subtree(ipAddress, loopback6)))
    : encode(
        sequence,
        encode(permitted, ...subtrees),
        encode(excluded, subtree(ipAddress, everything4), subtree(ipAddress, everything6)),
      );
}
