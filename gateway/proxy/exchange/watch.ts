import type { LimitSettings } from '../../config/index.ts';
import type { CanonicalRequest } from '../../lib/index.ts';
import type { ClientRequest } from '../message/answers.ts';
import { type BodyRate, createBodyRate } from './body-rate.ts';
import { isGrpc } from '../message/grpc.ts';

/** What is looked at of a request on its way, about twice a second. */
export type WatchedExchange = {
  readonly request: ClientRequest;
  readonly canonical: CanonicalRequest;
  readonly hasBody: boolean;
  /** The upstream has been asked and has not ended. */
  readonly isUnderWay: boolean;
  readonly hasAnswer: boolean;
  readonly bytesIn: number;
  /** When a byte moved last, either way; of `performance.now()`. */
  readonly lastMoveAt: number;
  /** Made by the first look that needs it. */
  bodyRate: BodyRate | undefined;
};

/** The bound that an exchange has crossed by now, if any. */
export function crossedBound(
  exchange: WatchedExchange,
  now: number,
  limits: LimitSettings,
): 'body_too_slow' | 'upstream_timeout' | 'idle' | undefined {
  const { request, hasAnswer } = exchange;
  const idleMs = now - exchange.lastMoveAt;
  if (exchange.isUnderWay && exchange.hasBody && !hasAnswer && !request.readableEnded) {
    if (!request.complete) return isTooSlow(exchange, now, idleMs, limits) ? 'body_too_slow' : undefined;
    // All of it is here, and the upstream does not read on: no forwarder waits for an answer yet.
    return idleMs > limits.firstByteMs ? 'upstream_timeout' : undefined;
  }
  return hasAnswer && idleMs > limits.streamIdleMs ? 'idle' : undefined;
}

/** A gRPC client may rest between two messages for as long as any stream. */
function isTooSlow(exchange: WatchedExchange, now: number, idleMs: number, limits: LimitSettings): boolean {
  const { request } = exchange;
  if (isGrpc(request)) return idleMs > limits.streamIdleMs;
  if (idleMs > limits.bodyIdleMs) return true;
  exchange.bodyRate ??= createBodyRate(now, limits);
  return exchange.bodyRate.isTooSlow(now, exchange.bytesIn, request.readableLength > 0);
}
