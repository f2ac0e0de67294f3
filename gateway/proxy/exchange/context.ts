import type { LimitSettings } from '../../config/index.ts';
import type { AccessEntry, CanonicalRequest, Log, Trace } from '../../lib/index.ts';
import type { Live } from '../../live/index.ts';
import type { Route } from '../../routes/index.ts';
import type { DescribeFailure } from './failure-pages.ts';
import type { Gate, Visitor } from '../judge/gate.ts';
import type { SessionStreams } from './session-streams.ts';
import type { WarnOnce } from '../judge/warn-once.ts';
import type { Swept } from './swept.ts';

/** What every exchange needs and none owns. */
export type ExchangeContext = {
  gate: Gate;
  live: Live;
  log: Log;
  limits: LimitSettings;
  inFlight: Swept<{ tick(now: number): void }>;
  sessionStreams: SessionStreams;
  onAccess(entry: AccessEntry): void;
  describeFailure: DescribeFailure;
  /** An upstream does not know whom it was told of. */
  notKnown(visitor: Visitor, canonical: CanonicalRequest, route: Route): void;
  warnOnce: WarnOnce;
  trace?: Trace;
};
