/** Steps of long work, as far as they are known. */

export type Step = {
  title: string;
  state: 'done' | 'working' | 'waiting' | 'failed';
  /** In milliseconds since the epoch. */
  startedAt?: number;
  endedAt?: number;
  message?: string;
};

/** What is told of work at one moment: the step it is at, and since when. */
export type Moment = { step?: string | undefined; stepStartedAt?: number | undefined; hasFailed?: boolean };

/**
 * The steps after one more moment was told: a step that is followed by another has ended when that one began. Steps from before
 * one began to look are not made up.
 */
export function after(steps: readonly Step[], { step, stepStartedAt, hasFailed = false }: Moment): readonly Step[] {
  const present = steps.at(-1);
  const state = hasFailed ? 'failed' : 'working';
  if (step === undefined) {
    if (!present || present.state !== 'working') return steps;
    return [...steps.slice(0, -1), { ...present, state: hasFailed ? 'failed' : 'done' }];
  }
  const begun = stepStartedAt === undefined ? {} : { startedAt: stepStartedAt };
  if (present?.title === step) return [...steps.slice(0, -1), { ...present, ...begun, state }];
  const ended = present && {
    ...present,
    state: present.state === 'failed' ? ('failed' as const) : ('done' as const),
    ...(stepStartedAt === undefined ? {} : { endedAt: stepStartedAt }),
  };
  // A step that comes again after a failure begins anew.
  const before = steps.slice(0, -1).filter(({ title }) => title !== step);
  return [...before, ...(ended ? [ended] : []), { title: step, state, ...begun }];
}
