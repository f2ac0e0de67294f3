import { isIP } from 'node:net';

/**
 * Which of the names a client may ask for (SNI, RFC 6066 section 3) belong to us: DOMAIN itself and one label below it, and the same of
 * APPSDOMAIN where there is one.
 * Anything else is refused before HTTP, so that no stranger's name ever reaches the router over our certificate.
 */
export type ServerName =
  | { kind: 'domain' }
  | { kind: 'below'; host: string; domain: string }
  /** No name, or an address where a name belongs: the default leaf is shown. */
  | { kind: 'none' }
  | { kind: 'foreign' };

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The names of an installation: of the main host and the tools, and of people's services where they have one of their own. */
export type Names = { domain: string; appsDomain?: string | undefined };

export function readServerName(serverName: string, { domain, appsDomain }: Names): ServerName {
  if (serverName === '' || isIP(serverName) !== 0) return { kind: 'none' };
  const host = serverName.toLowerCase();
  if (host === domain || host === appsDomain) return { kind: 'domain' };
  // Neither name is below the other, so that a host is below one of them at most.
  const above = [domain, appsDomain].find((name) => name !== undefined && host.endsWith(`.${name}`));
  if (above === undefined) return { kind: 'foreign' };
  return label.test(host.slice(0, -above.length - 1)) ? { kind: 'below', host, domain: above } : { kind: 'foreign' };
}

/**
 * Clients refuse a wildcard directly below a single label (measured: Chromium 156, curl, Python and OpenSSL all reject
 * `*.localhost`, as RFC 6125 section 7.2 allows them to), so each name of such a domain needs a leaf of its own.
 */
export function isWildcardAccepted(domain: string): boolean {
  return domain.includes('.');
}
