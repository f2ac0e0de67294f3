/**
 * How many requests one upstream is asked at once. Plain requests have slots and a bounded queue in front of them; streams have
 * a bound of their own and hold no slot, so that a hundred open event streams never starve a plain GET (catalogue D6).
 */
export type Admission = {
  /** Runs `start` now or when a slot is free; calls `refuseAsBusy` when the queue is full or the wait too long. */
  enter(ticket: Ticket): void;
  /** The request became a stream: its slot is free again. False when there are too many streams. */
  becomeStream(): boolean;
  leave(): void;
  openStream(): boolean;
  closeStream(): void;
  counts(): { requests: number; waiting: number; streams: number };
};

export type Ticket = {
  /** False when the client left while it waited. */
  isWanted(): boolean;
  start(): void;
  refuseAsBusy(): void;
};

type Waiting = { ticket: Ticket; since: number };

export function createAdmission(limits: {
  requestsPerUpstream: number;
  queuePerUpstream: number;
  queueMs: number;
  streamsPerUpstream: number;
}): Admission {
  let requests = 0;
  let streams = 0;
  const waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  function refuseLate(): void {
    timer = undefined;
    const oldest = performance.now() - limits.queueMs;
    while (waiting.length > 0 && waiting[0]!.since <= oldest) waiting.shift()!.ticket.refuseAsBusy();
    arm();
  }

  function arm(): void {
    if (timer !== undefined || waiting.length === 0) return;
    timer = setTimeout(refuseLate, Math.max(1, waiting[0]!.since + limits.queueMs - performance.now()));
    timer.unref();
  }

  function release(): void {
    requests -= 1;
    while (waiting.length > 0 && requests < limits.requestsPerUpstream) {
      const { ticket } = waiting.shift()!;
      if (!ticket.isWanted()) continue;
      requests += 1;
      ticket.start();
    }
  }

  function openStream(): boolean {
    if (streams >= limits.streamsPerUpstream) return false;
    streams += 1;
    return true;
  }

  return {
    enter(ticket) {
      if (requests < limits.requestsPerUpstream) {
        requests += 1;
        ticket.start();
      } else if (waiting.length >= limits.queuePerUpstream) {
        ticket.refuseAsBusy();
      } else {
        waiting.push({ ticket, since: performance.now() });
        arm();
      }
    },
    becomeStream() {
      if (!openStream()) return false;
      release();
      return true;
    },
    leave: release,
    openStream,
    closeStream: () => void (streams -= 1),
    counts: () => ({ requests, waiting: waiting.length, streams }),
  };
}
