/** Bounds of a tunnel, in milliseconds; see `LimitSettings`. */
export type TunnelLimits = { streamIdleMs: number; webSocketPingMs: number; webSocketPongMs: number };

/** What the watch asks of the two sockets it belongs to. */
export type WatchedSplice = {
  /** Bytes are waiting for the upstream, so the client may not be able to speak. */
  readonly isClientHeldUp: boolean;
  /** Bytes written towards the client that it has not taken, and those it was given in all. */
  readonly waitingBytes: number;
  readonly bytesOut: number;
  /** Whether the answer to a ping would be found among what the client sends. */
  readonly canFindPong: boolean;
};

/**
 * When a tunnel idles, and when its client is to be asked for a sign of life, or did not give it. One small object for each of
 * thousands of tunnels, looked at by the one timer of all of them; times of `performance.now()`.
 */
export class TunnelWatch {
  /** Since the last look: bytes that were passed on, either way; bytes of the client, our pongs among them. */
  hasMoved = false;
  hasHeardClient = false;
  #lastMoveAt = 0;
  #clientHeardAt = 0;
  #pingedAt = 0;
  #clientTookBytes = 0;

  /** The upstream's answer is there. */
  begin(now: number): void {
    this.#lastMoveAt = this.#clientHeardAt = now;
  }

  /** A ping has left. */
  pinged(now: number): void {
    this.#pingedAt = now;
  }

  /** `splice`: undefined while no frames flow, and nobody can be asked for a sign of life. */
  look(now: number, limits: TunnelLimits, splice: WatchedSplice | undefined): 'idle' | 'ping' | 'silent' | undefined {
    const { streamIdleMs, webSocketPingMs, webSocketPongMs } = limits;
    if (this.hasMoved) this.#lastMoveAt = now;
    else if (now - this.#lastMoveAt >= streamIdleMs) return 'idle';
    this.hasMoved = false;
    if (webSocketPingMs === 0 || splice === undefined) return undefined;
    if (this.hasHeardClient || splice.isClientHeldUp || this.#isTaking(splice)) {
      this.hasHeardClient = false;
      this.#clientHeardAt = now;
      this.#pingedAt = 0;
      return undefined;
    }
    if (this.#pingedAt === 0) return now - this.#clientHeardAt >= webSocketPingMs ? 'ping' : undefined;
    return now - this.#pingedAt >= webSocketPongMs && splice.canFindPong ? 'silent' : undefined;
  }

  /** A client behind a slow line answers a ping only after what stands before it: while that moves, it is not silent. */
  #isTaking({ waitingBytes, bytesOut }: WatchedSplice): boolean {
    if (waitingBytes === 0) return false;
    const taken = bytesOut - waitingBytes;
    const hasMore = taken !== this.#clientTookBytes;
    this.#clientTookBytes = taken;
    return hasMore;
  }
}
