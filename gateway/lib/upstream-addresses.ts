import { addressBlocks } from './canonical/address.ts';

/** A path of more bytes than this cannot be the address of a socket (unix(7)). */
export const mostSocketBytes = 107;

const loopbackNetworks = ['127.0.0.0/8', '::1/128'];

const neverNetworks = [
  ...['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'],
  ...['::/128', 'fe80::/10', 'fd00:ec2::254/128', 'ff00::/8'],
];

const privateNetworks = [
  ...['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.0.0.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  '198.18.0.0/15',
  ...['100::/64', '2001::/23', '5f00::/16', 'fc00::/7'],
  // Site-local, deprecated by RFC 3879: where it is in use yet it is inside.
  'fec0::/10',
  // IPv4 addresses within IPv6, a second spelling of the same: NAT64, 6to4, SIIT (RFC 7915), and IPv4-compatible (RFC 4291).
  ...['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '::ffff:0:0:0/96', '::/96'],
];

/** Addresses of this machine for itself; a route may lead there only where an operator wrote it down. */
export const loopbackAddresses = addressBlocks(loopbackNetworks);

/**
 * Never a back end, whoever wrote it down and whatever a name resolves to: this host, link-local (cloud metadata answers there), the
 * metadata address of AWS over IPv6, multicast, reserved and broadcast (IANA special-purpose address registries, RFC 6890).
 */
export const neverUpstream = addressBlocks(neverNetworks);

/** Networks that are somebody's own (IANA special-purpose address registries, RFC 6890): private, of a provider, for measurements. */
export const privateAddresses = addressBlocks(privateNetworks);

/**
 * All of them as CIDR blocks, none within another: where programs of people reach nothing, on one machine and in a cluster, unless an
 * administrator names it.
 */
export const closedNetworks: readonly string[] = outermost([...loopbackNetworks, ...neverNetworks, ...privateNetworks]);

function outermost(networks: readonly string[]): string[] {
  const lengthOf = (network: string): number => Number(network.split('/')[1]);
  return networks.filter((network) => {
    const wider = networks.filter((other) => lengthOf(other) < lengthOf(network));
    return !addressBlocks(wider).has(network.split('/')[0]!);
  });
}
