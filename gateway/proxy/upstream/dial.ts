import { lookup as systemLookup } from 'node:dns';
import { connect, isIP, type LookupFunction, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { knotError, type KnotError, loopbackAddresses, neverUpstream } from '../../lib/index.ts';
import { atSocket, type Upstream } from '../../routes/index.ts';
import { readBuffer } from './read-buffer.ts';

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
  const isLoopback = loopbackAddresses.has(address);
  if (neverUpstream.has(address) || (isLoopback && !upstream.allowLoopback)) return targetRefused(address);
  if (isLoopback && guard.ownPorts().includes(upstream.port)) return targetRefused(address);
  return undefined;
}

function targetRefused(address: string): KnotError {
  return knotError('KNOT_PROXY_TARGET_REFUSED', 502, 'The application behind this address may not be reached.', {
    remedy: 'An administrator can correct the upstream address of this application.',
    internal: { address },
  });
}

/** Gets what was read; the bytes are valid only until it returns (`read-buffer.ts`). */
export type OnRead = (bytes: Buffer) => void;

/** Opens a connection. Without `onRead` the socket is an ordinary stream. */
export type Dial = (callback: (error: Error | null, socket: Socket | null) => void, onRead?: OnRead) => void;

/**
 * Dials one upstream: TCP, TLS (verified, HTTP/1.1 or by `isHttp2` HTTP/2) or a Unix socket, with a time limit, the guard above, and
 * nothing read from the environment.
 */
export function createDial(
  upstream: Upstream,
  guard: DialGuard,
  { connectMs, isHttp2 = false }: { connectMs: number; isHttp2?: boolean },
): Dial {
  const { protocol, hostname, port, ca, socket: socketPath } = upstream;
  const isAddress = isIP(hostname) !== 0;
  const base: NetConnectOpts = {
    host: hostname,
    port,
    lookup: guardedLookup(upstream, guard),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
  const tls: ConnectionOptions = {
    rejectUnauthorized: true,
    ALPNProtocols: isHttp2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    // No SNI for an address (RFC 6066 section 3); the certificate is then checked for the address.
    servername: isAddress ? '' : hostname,
    ...(ca === undefined ? {} : { ca }),
  };
  /** Of the last connection, so that the next one need not negotiate anew. */
  let session: Buffer | undefined;

  function open(onRead: OnRead | undefined): Socket {
    const onread = onRead && {
      buffer: readBuffer,
      callback(length: number, buffer: Uint8Array): boolean {
        onRead((buffer as Buffer).subarray(0, length));
        return true;
      },
    };
    if (socketPath !== undefined) return atSocket(socketPath, (path) => connect({ path, ...(onread && { onread }) }));
    const options = { ...base, ...(onread && { onread }) };
    if (protocol !== 'https:') return connect(options);
    const socket = connectTls({ ...options, ...tls, ...(session && { session }) } as ConnectionOptions);
    socket.on('session', (negotiated: Buffer) => (session = negotiated));
    return socket;
  }

  return (callback, onRead) => {
    const refused = isAddress ? refusedTarget(hostname, upstream, guard) : undefined;
    if (refused !== undefined) return process.nextTick(callback, refused, null);
    let socket: Socket;
    try {
      socket = open(onRead);
    } catch (error) {
      // There is no socket at its path.
      return process.nextTick(callback, error, null);
    }
    let timer: NodeJS.Timeout | undefined = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    }, connectMs);
    let isHandedOver = false;
    // Stays for as long as the socket, so that none is ever without a listener, whoever has it or has put it away.
    socket.on('error', (error) => {
      if (isHandedOver) return;
      clearTimeout(timer);
      session = undefined;
      callback(error, null);
    });
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      timer = undefined;
      isHandedOver = true;
      callback(null, socket);
    });
  };
}

/** Names are judged by what they resolve to now, all of it, and only that is dialled. */
function guardedLookup(upstream: Upstream, guard: DialGuard): LookupFunction {
  const resolve = guard.lookup ?? systemLookup;
  return (hostname, options, callback) => {
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
}
