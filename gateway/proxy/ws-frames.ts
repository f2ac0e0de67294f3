/**
 * Where the frames of a WebSocket stream end (RFC 6455 section 5.2), found by reading frame headers only. That is all a tunnel
 * needs to know to put a close frame of its own between two frames of the upstream.
 */
export type FrameBoundary = {
  push(chunk: Uint8Array): void;
  /** True when every frame that began has ended. */
  isBetweenFrames(): boolean;
};

export function createFrameBoundary(): FrameBoundary {
  const header = new Uint8Array(14);
  let headerLength = 0;
  let payloadLeft = 0;

  return {
    push(chunk) {
      let offset = 0;
      while (offset < chunk.length) {
        if (payloadLeft > 0) {
          const step = Math.min(payloadLeft, chunk.length - offset);
          payloadLeft -= step;
          offset += step;
          continue;
        }
        header[headerLength] = chunk[offset]!;
        headerLength += 1;
        offset += 1;
        if (headerLength < 2 || headerLength < headerSize(header[1]!)) continue;
        payloadLeft = payloadSize(header);
        headerLength = 0;
      }
    },
    isBetweenFrames: () => headerLength === 0 && payloadLeft === 0,
  };
}

function headerSize(second: number): number {
  const length = second & 0x7f;
  const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
  return 2 + extended + ((second & 0x80) === 0 ? 0 : 4);
}

function payloadSize(header: Uint8Array): number {
  const length = header[1]! & 0x7f;
  if (length < 126) return length;
  const view = new DataView(header.buffer);
  return length === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
}

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
  frame[0] = 0x88;
  frame[1] = 2 + text.length;
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}
