import { isIP, isIPv4 } from 'node:net';
import { KnotError, knotError, loopbackAddresses, mostSocketBytes, neverUpstream } from '../lib/index.ts';

export type Upstream = {
  protocol: 'http:' | 'https:';
  /** Lower-case host name, IPv4, or IPv6 without brackets and zone. */
  hostname: string;
  port: number;
  /** PEM bundle to trust instead of the system's, for https. */
  ca?: string;
  /** Dialling this machine is refused unless the route says so (SSRF, catalogue U1); link-local addresses always are. */
  allowLoopback: boolean;
  /**
   * Path of a Unix socket that is dialled instead of host and port: of a service, which nobody else on the machine reaches.
   * `hostname` and `port` are then what the program takes for its own address.
   */
  socket?: string;
  /** Requests go over HTTP/2 (ALPN `h2` for https, prior knowledge for http), so that gRPC passes; WebSockets stay HTTP/1.1. */
  http2?: boolean;
};

/** Of what is not anywhere yet: no name ends in this (RFC 6761 section 6.4), and who asks is told how it is. */
export const nowhere: Upstream = { protocol: 'http:', hostname: 'nowhere.invalid', port: 80, allowLoopback: false };

const form = /^(https?):\/\/(?:\[([0-9a-f:.]+)\]|([0-9a-z.-]+))(?::([0-9]{1,5}))?\/?$/;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The one parser of upstream addresses: `http://HOST[:PORT]`, `https://…`, an optional single `/` at the end.
 * Everything a URL parser would repair or hide is refused instead (proxy-security.md U2): user names, paths, queries,
 * percent signs, upper case, names beyond ASCII, IPv6 zones, IPv4 in any other than dotted-decimal form.
 * @throws KNOT_ROUTES_UPSTREAM_INVALID
 */
export function parseUpstream(
  address: string,
  options: { ca?: string; allowLoopback?: boolean; http2?: boolean } = {},
): Upstream {
  const match = form.exec(address);
  if (!match) throw refuse(address, reasonOf(address));
  const [, scheme, ipv6, name, port] = match;
  const hostname = ipv6 ?? name ?? '';
  const number = port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port);
  if (number < 1 || number > 65535) throw refuse(address, 'the port must be 1 to 65535');
  if (port?.startsWith('0')) throw refuse(address, 'the port must not start with 0');
  checkHostname(address, hostname, ipv6 !== undefined);
  const allowLoopback = options.allowLoopback ?? false;
  if (neverUpstream.has(hostname)) throw refuse(address, `nothing may be reached at ${hostname}`);
  if (!allowLoopback && isLoopback(hostname)) {
    throw refuse(address, 'it points at this machine, which this route does not allow');
  }
  return {
    protocol: scheme === 'https' ? 'https:' : 'http:',
    hostname,
    port: number,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    allowLoopback,
    ...(options.http2 === true && { http2: true }),
  };
}

/** An address and port that somebody else told of: undefined where nothing may be reached there, this machine before all. */
export function upstreamAt(address: string, port: number): Upstream | undefined {
  try {
    return parseUpstream(upstreamAddress({ protocol: 'http:', hostname: address, port }));
  } catch (error) {
    if (error instanceof KnotError) return undefined;
    throw error;
  }
}

const socketPath = /^(?:\/[A-Za-z0-9._-]+)+$/;

/**
 * The upstream of a service that listens on a Unix socket.
 * @throws KNOT_ROUTES_UPSTREAM_INVALID
 */
export function socketUpstream(socket: string): Upstream {
  const isPlain = socketPath.test(socket) && !socket.split('/').some((part) => part === '.' || part === '..');
  if (!isPlain) throw refuse(socket, 'the path of a socket must be absolute and plain');
  if (Buffer.byteLength(socket) > mostSocketBytes)
    throw refuse(socket, `the path of a socket has at most ${mostSocketBytes} bytes`);
  return { protocol: 'http:', hostname: 'localhost', port: 80, allowLoopback: true, socket };
}

/** `http://host:port`, with brackets around IPv6: what `parseUpstream` reads. */
export function upstreamAddress({
  protocol,
  hostname,
  port,
}: Pick<Upstream, 'protocol' | 'hostname' | 'port'>): string {
  return `${protocol}//${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}

/** Names are judged again when they are dialled; this finds what is plain to see. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || loopbackAddresses.has(hostname);
}

function checkHostname(address: string, hostname: string, isBracketed: boolean): void {
  if (isBracketed) {
    if (isIP(hostname) !== 6) throw refuse(address, `"${hostname}" is not an IPv6 address`);
    return;
  }
  const labels = hostname.split('.');
  if (hostname.length > 253 || !labels.every((part) => label.test(part))) {
    throw refuse(address, `"${hostname}" is not a host name`);
  }
  // A URL parser reads `127.1`, `0x7f.1` and `2130706433` as IPv4: what ends in a number must be dotted-decimal.
  if (/^(0x[0-9a-f]*|[0-9]+)$/.test(labels.at(-1) ?? '') && !isIPv4(hostname)) {
    throw refuse(address, `"${hostname}" is not an IPv4 address in dotted-decimal form`);
  }
}

function reasonOf(address: string): string {
  if (address.includes('@')) return 'user name and password are not allowed in it';
  if (address.includes('%')) return 'percent signs and IPv6 zones are not allowed in it';
  if (/[^\x20-\x7e]/.test(address)) return 'only ASCII is allowed in it; write an international name in its xn-- form';
  if (/[A-Z]/.test(address)) return 'it must be lower case';
  if (!/^https?:\/\//.test(address)) return 'it must start with http:// or https://';
  if (/^https?:\/\/[^/]+\/./.test(address) || /[?#]/.test(address)) return 'it must not have a path, query or fragment';
  return 'it must have the form http://HOST:PORT or https://HOST:PORT';
}

function refuse(address: string, reason: string) {
  return knotError(
    'KNOT_ROUTES_UPSTREAM_INVALID',
    400,
    `The upstream address ${JSON.stringify(address)} is refused: ${reason}.`,
    {
      remedy: 'Write it as http://HOST:PORT or https://HOST:PORT.',
      details: { upstream: address, reason },
    },
  );
}
