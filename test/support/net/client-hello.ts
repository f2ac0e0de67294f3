/**
 * A TLS 1.2 ClientHello by hand (RFC 5246 section 7.4.1.2), with a server name (RFC 6066 section 3) of any bytes, which no
 * library would send.
 */
export function clientHello(serverName: Buffer | undefined): Buffer {
  const suites = Buffer.from('c02bc02fc02cc030', 'hex');
  const extensions = Buffer.concat([
    ...(serverName === undefined
      ? []
      : [extension(0, sized(2, Buffer.concat([Buffer.from([0]), sized(2, serverName)])))]),
    extension(10, sized(2, Buffer.from('0017001d', 'hex'))),
    extension(11, sized(1, Buffer.from([0]))),
    extension(13, sized(2, Buffer.from('0403080404010503080505010603', 'hex'))),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(1, Buffer.alloc(0)),
    sized(2, suites),
    sized(1, Buffer.from([0])),
    sized(2, extensions),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), sized(2, message)]);
}

/** `data` behind its length in so many bytes. */
function sized(lengthBytes: number, data: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(data.length, 0, lengthBytes);
  return Buffer.concat([length, data]);
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, type]), sized(2, data)]);
}
