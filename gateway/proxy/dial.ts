import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { addressBlocks, knotError, type KnotError } from '../lib/index.ts';
import type { Upstream } from '../routes/index.ts';

const loopback = addressBlocks(['127.0.0.0/8', '::1/128']);

/** Never a back end: this host, link-local (cloud metadata), multicast, broadcast, the metadata address of AWS over IPv6. */
const neverDialled = addressBlocks([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
]);

export type DialGuard = {
  /** Ports of the gateway itself on this machine: no route may lead back into it. */
  ownPorts(): readonly number[];
  /** The resolver; the system's unless a test gives another. */
  lookup?: typeof systemLookup;
};

/**
 * The reason not to dial an address, judged on what the name resolved to at this moment, so that an answer that changes
 * between check and dial changes nothing (catalogue U1).
 */
export function refusedTarget(address: string, upstream: Upstream, guard: DialGuard): KnotError | undefined {
  const isLoopback = loopback.has(address);
  if (neverDialled.has(address) || (isLoopback && !upstream.allowLoopback)) return targetRefused(address);
  if (isLoopback && guard.ownPorts().includes(upstream.port)) return targetRefused(address);
  return undefined;
}

function targetRefused(address: string): KnotError {
  return knotError('KNOT_PROXY_TARGET_REFUSED', 502, 'The application behind this address may not be reached.', {
    remedy: 'An administrator can correct the upstream address of this application.',
    internal: { address },
  });
}

export type Dial = (callback: (error: Error | null, socket: Socket | null) => void) => void;

/**
 * A connector for one upstream: TCP or TLS (verified, HTTP/1.1 or by `isHttp2` HTTP/2), with a time limit, the guard above, and nothing read from the
 * environment. The form undici's `connect` option wants; `dialer` turns it into a function of our own.
 */
export function createConnector(
  upstream: Upstream,
  guard: DialGuard,
  connectMs: number,
  isHttp2 = false,
): buildConnector.connector {
  const resolve = guard.lookup ?? systemLookup;
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      for (const { address } of addresses) {
        const refused = refusedTarget(address, upstream, guard);
        if (refused) return callback(refused, '', 0);
      }
      if (options.all) return callback(null, addresses);
      return callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
  const isAddress = isIP(upstream.hostname) !== 0;
  const connect = buildConnector({
    lookup,
    timeout: connectMs,
    allowH2: isHttp2,
    preferH2: isHttp2,
    keepAliveInitialDelay: 30_000,
    ...(upstream.protocol === 'https:' && {
      rejectUnauthorized: true,
      ...(isAddress ? {} : { servername: upstream.hostname }),
      ...(upstream.ca === undefined ? {} : { ca: upstream.ca }),
    }),
  });

  return (options, callback) => {
    if (isAddress) {
      const refused = refusedTarget(upstream.hostname, upstream, guard);
      if (refused) return process.nextTick(callback, refused, null);
    }
    connect({ ...options, servername: isAddress ? '' : upstream.hostname }, callback);
  };
}

export function dialer(upstream: Upstream, connector: buildConnector.connector): Dial {
  const { protocol, hostname, port } = upstream;
  const options: buildConnector.Options = { protocol, hostname, host: hostname, port: String(port) };
  return (callback) => connector(options, callback);
}
