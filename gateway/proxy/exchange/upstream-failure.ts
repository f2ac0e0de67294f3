import type { Refusal } from '../message/answers.ts';
import { failureOf, type UpstreamFailure } from '../message/refusals.ts';
import type { ExchangeContext } from './context.ts';
import type { Asked } from './failure-pages.ts';

/** What is said in place of an upstream that failed. It is logged, unless it sleeps: that what sleeps does not answer is no failure. */
export function failedRefusal(error: Error, asked: Asked, context: ExchangeContext): Refusal {
  const failure = failureOf(error);
  const refusal = context.describeFailure(failure, asked);
  if (refusal.reasonCode !== asleep) warnOfFailure(failure, error, asked, context);
  return refusal;
}

/** The cause is for administrators alone. */
export function warnOfFailure(
  reason: UpstreamFailure | 'upstream_cut',
  error: Error,
  { requestId, target }: Pick<Asked, 'requestId' | 'target'>,
  { log }: Pick<ExchangeContext, 'log'>,
): void {
  log.warn({ requestId, host: target.route.host, reason, err: error }, 'upstream failed');
}

const asleep = 'asleep';
