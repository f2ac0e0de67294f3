import { isIP } from 'node:net';

/**
 * Which of the names a client may ask for (SNI, RFC 6066 section 3) belong to us: DOMAIN itself and one label below it.
 * Anything else is refused before HTTP, so that no stranger's name ever reaches the router over our certificate.
 */
export type ServerName =
  | { kind: 'domain' }
  | { kind: 'below'; host: string }
  /** No name, or an address where a name belongs: the default leaf is shown. */
  | { kind: 'none' }
  | { kind: 'foreign' };

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function readServerName(serverName: string, domain: string): ServerName {
  if (serverName === '' || isIP(serverName) !== 0) return { kind: 'none' };
  const host = serverName.toLowerCase();
  if (host === domain) return { kind: 'domain' };
  if (!host.endsWith(`.${domain}`)) return { kind: 'foreign' };
  return label.test(host.slice(0, -domain.length - 1)) ? { kind: 'below', host } : { kind: 'foreign' };
}

/**
 * Clients refuse a wildcard directly below a single label (measured: Chromium 156, curl, Python and OpenSSL all reject
 * `*.localhost`, as RFC 6125 section 7.2 allows them to), so each name of such a domain needs a leaf of its own.
 */
export function isWildcardAccepted(domain: string): boolean {
  return domain.includes('.');
}
