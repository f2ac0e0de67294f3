import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { RawTarget } from './raw-client.ts';

/** HTTP/2 frames by hand (RFC 9113 section 4.1), for what no library would send. */

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Buffer = empty): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const empty: Buffer = Buffer.alloc(0);

/** Four bytes, as error codes and window increments have them. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A header list without compression: each field literal, never indexed (RFC 7541 section 6.2.3). */
export function literalHeaders(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]));
}

/** A field that also enters the dynamic table, where later blocks name it by one byte (RFC 7541 section 6.2.1). */
export function indexedHeader(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

/** The newest entry of the dynamic table. */
export const newestEntry = 0x80 | 62;

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** RFC 7541 section 5.1 with a prefix of so many bits. */
function integer(value: number, bits: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([value]);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

export type ReceivedFrame = { type: number; flags: number; stream: number; payload: Buffer };

export type FrameConnection = {
  socket: TLSSocket;
  received: ReceivedFrame[];
  /** False once the connection is over; what is sent then goes nowhere. */
  send(...frames: Buffer[]): boolean;
  /** Whether the gateway said GOAWAY or closed the connection. */
  isRefused(): boolean;
  isClosed(): boolean;
  close(): void;
};

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A connection that has sent its preface and `settings` (pairs of id and value), and acknowledges those of the gateway. */
export async function openFrames(
  { port, ca, servername = 'localhost' }: RawTarget,
  settings: readonly (readonly [id: number, value: number])[] = [],
): Promise<FrameConnection> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername, ALPNProtocols: ['h2'] });
  const received: ReceivedFrame[] = [];
  let isClosed = false;
  let buffered: Buffer = empty;
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  await new Promise<void>((resolve) => void socket.once('secureConnect', resolve));
  if (socket.alpnProtocol !== 'h2') throw new Error('the gateway did not choose HTTP/2');
  socket.on('data', (data: Buffer) => {
    buffered = buffered.length === 0 ? data : Buffer.concat([buffered, data]);
    for (;;) {
      if (buffered.length < 9) return;
      const length = buffered.readUIntBE(0, 3);
      if (buffered.length < 9 + length) return;
      const [type, flags] = [buffered[3]!, buffered[4]!];
      received.push({ type, flags, stream: buffered.readUInt32BE(5), payload: buffered.subarray(9, 9 + length) });
      buffered = buffered.subarray(9 + length);
      if (type === frameType.settings && flags === 0) socket.write(frame(frameType.settings, flag.ack, 0));
    }
  });
  const pairs = settings.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]));
  socket.write(Buffer.concat([preface, frame(frameType.settings, 0, 0, Buffer.concat(pairs))]));
  // What is sent next must not be interrupted by the acknowledgement, which would be a fault of its own.
  while (!isClosed && !received.some(({ type }) => type === frameType.settings)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return {
    socket,
    received,
    send(...frames) {
      if (isClosed || socket.destroyed || !socket.writable) return false;
      socket.write(Buffer.concat(frames));
      return true;
    },
    isRefused: () => isClosed || received.some(({ type }) => type === frameType.goAway),
    isClosed: () => isClosed,
    close: () => void socket.destroy(),
  };
}
