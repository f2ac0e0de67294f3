/** Client addresses and CIDR blocks, without sockets or lookups. IPv4 in IPv6 (`::ffff:1.2.3.4`) counts as IPv4. */

type Bits = { value: bigint; width: 32 | 128 };

const ipv4Pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function readIpv4(text: string): bigint | undefined {
  const match = ipv4Pattern.exec(text);
  if (match === null) return undefined;
  let value = 0n;
  for (const part of match.slice(1)) {
    const byte = Number(part);
    if (byte > 255 || (part.length > 1 && part[0] === '0')) return undefined;
    value = (value << 8n) | BigInt(byte);
  }
  return value;
}

function readIpv6(text: string): bigint | undefined {
  let body = text;
  let tail: bigint | undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.', lastColon)) {
    tail = readIpv4(text.slice(lastColon + 1));
    if (tail === undefined) return undefined;
    body = `${text.slice(0, lastColon + 1)}0:0`;
  }
  const halves = body.split('::');
  if (halves.length > 2) return undefined;
  const left = halves[0] === '' ? [] : halves[0]!.split(':');
  const right = halves[1] === undefined || halves[1] === '' ? [] : halves[1].split(':');
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right];
  let value = 0n;
  for (const group of groups) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return tail === undefined ? value : value | tail;
}

function readAddress(text: string): Bits | undefined {
  const ipv4 = readIpv4(text);
  if (ipv4 !== undefined) return { value: ipv4, width: 32 };
  if (!text.includes(':')) return undefined;
  const ipv6 = readIpv6(text);
  if (ipv6 === undefined) return undefined;
  return ipv6 >> 32n === 0xffffn ? { value: ipv6 & 0xffff_ffffn, width: 32 } : { value: ipv6, width: 128 };
}

/** `1.2.3.4` for `::ffff:1.2.3.4`, without zone; the text itself otherwise; undefined when it is no address. */
export function plainAddress(text: string): string | undefined {
  const zone = text.indexOf('%');
  const address = zone === -1 ? text : text.slice(0, zone);
  const bits = readAddress(address);
  if (bits === undefined) return undefined;
  if (bits.width === 128 || !address.includes(':')) return address.toLowerCase();
  return [24n, 16n, 8n, 0n].map((shift) => String((bits.value >> shift) & 255n)).join('.');
}

/** What one person has at their disposal: an IPv4 address, or the /64 network of an IPv6 one (RFC 6177). */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const plain = plainAddress(address) ?? address;
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  if (tail !== undefined) groups.push(...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0'));
  return [...groups, ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

export type AddressBlocks = {
  isEmpty: boolean;
  /** False for anything that is not an address. */
  has(address: string): boolean;
};

/** @throws RangeError naming the first entry that is neither an address nor a CIDR block */
export function addressBlocks(cidrs: readonly string[]): AddressBlocks {
  const blocks = cidrs.map((cidr) => {
    const [address, length, ...rest] = cidr.split('/');
    const bits = readAddress(address!);
    const isMapped = bits?.width === 32 && address!.includes(':');
    const prefix =
      length === undefined ? bits?.width : /^\d{1,3}$/.test(length) ? Number(length) - (isMapped ? 96 : 0) : undefined;
    if (bits === undefined || prefix === undefined || prefix < 0 || prefix > bits.width || rest.length > 0) {
      throw new RangeError(`"${cidr}" is neither an address nor a CIDR block`);
    }
    const shift = BigInt(bits.width - prefix);
    return { width: bits.width, shift, value: bits.value >> shift };
  });
  return {
    isEmpty: blocks.length === 0,
    has(address) {
      const bits = readAddress(address);
      if (bits === undefined) return false;
      return blocks.some(({ width, shift, value }) => width === bits.width && bits.value >> shift === value);
    },
  };
}

/**
 * The client's address: the peer, or, when the peer is a trusted proxy, the rightmost address in `X-Forwarded-For` that is
 * not itself trusted. An entry that does not parse ends the walk: then the last address that was vouched for counts
 * (catalogue H9, H10).
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: AddressBlocks): string {
  // A peer comes from the socket, so an IPv4 one is plain already.
  let address = peer.includes(':') ? (plainAddress(peer) ?? '') : peer;
  if (trusted.isEmpty || forwardedFor === undefined || !trusted.has(address)) return address;
  const entries = forwardedFor.split(',');
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = plainAddress(entries[index]!.trim());
    if (entry === undefined) return address;
    address = entry;
    if (!trusted.has(address)) return address;
  }
  return address;
}
