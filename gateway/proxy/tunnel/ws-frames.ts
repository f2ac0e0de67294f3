/**
 * Where the frames of a WebSocket stream end (RFC 6455 section 5.2), found by reading frame headers only, byte by byte where a
 * chunk splits one. A tunnel has to know no more to put a frame of its own between two frames of a peer.
 */
export class FrameReader {
  /** First byte of the frame that was read last: FIN, reserved bits, opcode. */
  first = 0;
  /** A frame no WebSocket peer may send was seen; only clients are looked at, and their bytes are passed on all the same. */
  isMalformed = false;
  /** The peer sent its close frame: no more frames are to be sent to it, and none will be answered. */
  hasClosed = false;
  /** Frames that carry something for the application (RFC 6455 section 5.6), and how long the last one is. */
  dataFrames = 0;
  dataLength = 0;

  readonly #isFromClient: boolean;
  #isInHeader = false;
  /** Bytes of the header after the first two that are still to come, and how many of them are the length. */
  #headerLeft = -1;
  #lengthLeft = 0;
  #payloadLeft = 0;

  constructor(isFromClient: boolean) {
    this.#isFromClient = isFromClient;
  }

  /** True when every frame that began has ended. */
  get isBetweenFrames(): boolean {
    return !this.#isInHeader && this.#payloadLeft === 0;
  }

  /** Reads to the end of a chunk. */
  skim(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) offset = this.readFrame(chunk, offset);
  }

  /** Reads on from `offset`; returns where the frame ends, or the end of the chunk. */
  readFrame(chunk: Uint8Array, offset: number): number {
    const { length } = chunk;
    if (this.#isInHeader || this.#payloadLeft === 0) {
      offset = this.#readHeader(chunk, offset);
      if (this.#isInHeader) return length;
    }
    const step = Math.min(this.#payloadLeft, length - offset);
    this.#payloadLeft -= step;
    return offset + step;
  }

  #readHeader(chunk: Uint8Array, offset: number): number {
    const { length } = chunk;
    if (!this.#isInHeader) {
      this.first = chunk[offset]!;
      offset += 1;
      this.#isInHeader = true;
      this.#headerLeft = -1;
    }
    if (this.#headerLeft === -1) {
      if (offset >= length) return offset;
      this.#readSecond(chunk[offset]!);
      offset += 1;
    }
    while (this.#headerLeft > 0 && offset < length) {
      if (this.#lengthLeft > 0) {
        // Beyond 2^53 it loses digits, of a frame that never ends.
        this.#payloadLeft = this.#payloadLeft * 256 + chunk[offset]!;
        this.#lengthLeft -= 1;
      }
      this.#headerLeft -= 1;
      offset += 1;
    }
    if (this.#headerLeft === 0) {
      this.#isInHeader = false;
      if (this.#payloadLeft >= 2 ** 63) this.isMalformed ||= this.#isFromClient;
      if ((this.first & 0x0f) < opcodes.close) {
        this.dataFrames += 1;
        this.dataLength = this.#payloadLeft;
      }
    }
    return offset;
  }

  #readSecond(second: number): void {
    const short = second & 0x7f;
    const isMasked = second >= 0x80;
    this.#lengthLeft = short === 126 ? 2 : short === 127 ? 8 : 0;
    this.#payloadLeft = this.#lengthLeft === 0 ? short : 0;
    this.#headerLeft = this.#lengthLeft + (isMasked ? 4 : 0);
    const opcode = this.first & 0x0f;
    if (opcode === opcodes.close) this.hasClosed = true;
    if (!this.#isFromClient) return;
    const isControl = opcode >= 8;
    if (!isMasked || opcode > opcodes.pong || (opcode > 2 && opcode < 8)) this.isMalformed = true;
    if (isControl && (short > 125 || this.first < 0x80)) this.isMalformed = true;
  }
}

const opcodes = { close: 8, ping: 9, pong: 10 } as const;

/** A close frame from a server: not masked, the reason cut to the 123 bytes a control frame has room for. */
export function closeFrame(code: number, reason: string): Buffer {
  let text = Buffer.from(reason, 'utf8');
  if (text.length > 123)
    text = Buffer.from(
      text
        .subarray(0, 120)
        .toString('utf8')
        .replace(/\uFFFD$/, ''),
      'utf8',
    );
  const frame = Buffer.alloc(4 + text.length);
  frame[0] = 0x80 | opcodes.close;
  frame[1] = 2 + text.length;
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}

/** A ping from a server (RFC 6455 section 5.5.2). */
export function pingFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(2 + payload.length);
  frame[0] = 0x80 | opcodes.ping;
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}
