import { lookup as systemLookup } from 'node:dns';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { knotError, type KnotError, loopbackAddresses, neverUpstream, privateAddresses } from '../../lib/index.ts';

export type OutboundDial = (host: string, port: number, isInternal: boolean) => Promise<Socket>;

const patienceMs = 10_000;

/**
 * Connects to a host for a program. What the name resolves to now is judged and dialled, so that an answer which changes between
 * check and dial changes nothing: never this machine, never the metadata of a cloud, and a network of somebody's own only where an
 * administrator named the host (`isInternal`).
 */
export function createOutboundDial({ lookup = systemLookup }: { lookup?: typeof systemLookup } = {}): OutboundDial {
  return (host, port, isInternal) =>
    new Promise((resolve, reject) => {
      const isClosed = closedTo(isInternal);
      if (isIP(host) !== 0 && isClosed(host)) return reject(closedAddress(host));
      const guarded: LookupFunction = (name, options, callback) =>
        lookup(name, { ...options, all: true }, (error, addresses) => {
          if (error) return callback(error, '', 0);
          if (addresses.some(({ address }) => isClosed(address))) return callback(closedAddress(host), '', 0);
          if (options.all) return callback(null, addresses);
          return callback(null, addresses[0]!.address, addresses[0]!.family);
        });
      const socket = connect({ host, port, lookup: guarded, noDelay: true, timeout: patienceMs });
      socket.once('timeout', () =>
        socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })),
      );
      // Stays for as long as the socket, so that none is ever without a listener.
      socket.on('error', reject);
      socket.once('connect', () => {
        socket.setTimeout(0);
        resolve(socket);
      });
    });
}

/** What one dial does not connect to; where this machine is reached is looked up for all addresses of the host at once. */
function closedTo(isInternal: boolean): (address: string) => boolean {
  const own = ownAddresses();
  return (address) =>
    loopbackAddresses.has(address) ||
    neverUpstream.has(address) ||
    own.has(address) ||
    (!isInternal && privateAddresses.has(address));
}

/** Under which this machine is reached: what listens there is for its own people. */
function ownAddresses(): Set<string> {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(found.map(({ address }) => address));
}

function closedAddress(host: string): KnotError {
  return knotError(
    'KNOT_PROCESS_OUTBOUND_CLOSED',
    403,
    `${host} is at an address inside, which programs of people do not reach.`,
    {
      remedy: 'An administrator can name the host under network.internal in knot.yaml.',
    },
  );
}
