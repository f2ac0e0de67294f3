import { addressBlocks } from './canonical/address.ts';

/** Addresses of this machine for itself; a route may lead there only where an operator wrote it down. */
export const loopbackAddresses = addressBlocks(['127.0.0.0/8', '::1/128']);

/** A path of more bytes than this cannot be the address of a socket (unix(7)). */
export const mostSocketBytes = 107;

/**
 * Never a back end, whoever wrote it down and whatever a name resolves to: this host, link-local (cloud metadata answers there), the
 * metadata address of AWS over IPv6, multicast, reserved and broadcast (IANA special-purpose address registries, RFC 6890).
 */
export const neverUpstream = addressBlocks([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  'fe80::/10',
  'fd00:ec2::254/128',
  'ff00::/8',
]);
