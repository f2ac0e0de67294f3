import { randomBytes } from 'node:crypto';
import { FrameReader } from './ws-frames.ts';

/** Enough that neither side can make a pong that is taken for ours: an upstream would lose the answer to a ping of its own. */
const payloadLength = 16;
/** Two bytes of header, a mask of four, the payload. */
const pongLength = 6 + payloadLength;
/** FIN and the opcode of a pong; masked, and as long as our payload. */
const pongFirst = 0x8a;
const pongSecond = 0x80 | payloadLength;

/**
 * The client's side of a tunnel that sends pings: knows where the client's frames end, and takes the answers to our pings out of
 * them, so that an upstream gets exactly what the client meant for it. Costs the reading of frame headers while no ping waits for
 * its answer. Holds back at most the bytes of one pong that has not arrived whole.
 */
export class PongFilter {
  readonly #frames = new FrameReader(true);
  #payload: Buffer | undefined;
  #unanswered = 0;
  #held: Buffer | undefined;

  /** Whether a ping may be sent: its answer could be found. */
  get canFind(): boolean {
    return !this.#frames.isMalformed && !this.#frames.hasClosed;
  }

  /** Messages of the person's page so far, in frames, and how long the last one is. */
  get dataFrames(): number {
    return this.#frames.dataFrames;
  }

  get dataLength(): number {
    return this.#frames.dataLength;
  }

  get isWaiting(): boolean {
    return this.#unanswered > 0;
  }

  /** The payload for a ping that is sent now. While one is unanswered it stays the same: a client may answer the last one only. */
  expect(): Uint8Array {
    if (this.#unanswered === 0) this.#payload = randomBytes(payloadLength);
    this.#unanswered += 1;
    return this.#payload!;
  }

  /** What of a chunk goes on to the upstream; the chunk itself when nothing is taken out. */
  push(chunk: Buffer): Buffer {
    if (this.#frames.isMalformed) return chunk;
    if (this.#unanswered === 0) {
      this.#frames.skim(chunk);
      return chunk;
    }
    return this.#sift(chunk);
  }

  /** What was held back, when nothing more will come. */
  flush(): Buffer | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  #sift(received: Buffer): Buffer {
    const frames = this.#frames;
    const chunk = this.#held === undefined ? received : Buffer.concat([this.#held, received]);
    this.#held = undefined;
    const kept: Buffer[] = [];
    let from = 0;
    let offset = 0;
    while (offset < chunk.length && !frames.isMalformed) {
      if (!frames.isBetweenFrames || !mayBeOurs(chunk, offset)) {
        offset = frames.readFrame(chunk, offset);
        continue;
      }
      if (chunk.length - offset < pongLength) {
        // A copy, because the chunk may be part of something large.
        this.#held = Buffer.from(chunk.subarray(offset));
        kept.push(chunk.subarray(from, offset));
        return joined(kept);
      }
      if (!this.#isOurs(chunk, offset)) {
        offset = frames.readFrame(chunk, offset);
        continue;
      }
      kept.push(chunk.subarray(from, offset));
      offset += pongLength;
      from = offset;
      this.#unanswered -= 1;
      if (this.#unanswered === 0) {
        this.#payload = undefined;
        frames.skim(chunk.subarray(offset));
        break;
      }
    }
    if (from === 0) return chunk;
    kept.push(chunk.subarray(from));
    return joined(kept);
  }

  #isOurs(chunk: Buffer, offset: number): boolean {
    const payload = this.#payload!;
    for (let index = 0; index < payloadLength; index++) {
      if ((chunk[offset + 6 + index]! ^ chunk[offset + 2 + (index & 3)]!) !== payload[index]) return false;
    }
    return true;
  }
}

function mayBeOurs(chunk: Buffer, offset: number): boolean {
  return chunk[offset] === pongFirst && (offset + 1 === chunk.length || chunk[offset + 1] === pongSecond);
}

function joined(parts: readonly Buffer[]): Buffer {
  const filled = parts.filter(({ length }) => length > 0);
  return filled.length === 1 ? filled[0]! : Buffer.concat(filled);
}
