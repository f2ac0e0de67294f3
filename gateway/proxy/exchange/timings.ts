import type { PhaseTimes } from '../../lib/index.ts';

/** When a request passed from one phase into the next; times of `performance.now()`, 0 for what has not come yet. */
export class Timings {
  readonly startedAt = performance.now();
  /** Identity and policy said yes. */
  judgedAt = 0;
  /** The upstream has room. */
  admittedAt = 0;
  /** A connection to the upstream is there. */
  connectedAt = 0;
  /** The head of the upstream's answer is read. */
  answeredAt = 0;

  /** How long each phase that ended took. */
  phases(): PhaseTimes {
    const { startedAt, judgedAt, admittedAt, connectedAt, answeredAt } = this;
    const phases: PhaseTimes = { totalMs: performance.now() - startedAt };
    if (judgedAt === 0) return phases;
    phases.judgeMs = judgedAt - startedAt;
    if (admittedAt === 0) return phases;
    phases.queueMs = admittedAt - judgedAt;
    if (connectedAt === 0) return phases;
    phases.connectMs = connectedAt - admittedAt;
    if (answeredAt !== 0) phases.upstreamMs = answeredAt - connectedAt;
    return phases;
  }
}
