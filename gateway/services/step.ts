import { leftAlone } from './causes.ts';
import type { Observed } from './engine.ts';
import type { Cause, Service, ServiceState } from './service.ts';

/** What is to be done about a service now, and what it is called until the next look. */
export type Step = {
  act?: 'start' | 'stop' | 'remove';
  state: ServiceState;
  cause?: Cause;
};

/**
 * The state machine: from what is wanted and what is seen follows one act and one state. Pure, and true from any state: a gateway
 * that was killed between two writes looks again and goes on.
 *
 *   requested ─▶ starting ─▶ ready ◀─ waking ◀─ sleeping
 *                   │  ▲       │                   ▲
 *                   ▼  └───────┤ ended, tried again│
 *                failed        ▼                   │
 *                          stopping ───────────────┴─▶ stopped ─▶ (removed)
 */
export function nextStep({ wish, state, cause, revision }: Service, observed: Observed): Step {
  if (wish !== 'running') {
    if (observed.phase !== 'absent') return { act: 'stop', state: 'stopping' };
    if (wish === 'removed') return { act: 'remove', state: 'stopped' };
    return wish === 'asleep' ? { state: 'sleeping', cause: leftAlone } : { state: 'stopped' };
  }
  // Until it answers, whoever wakes it is told so, also while what ran before is still ending.
  const beginning = state === 'waking' ? state : 'starting';
  switch (observed.phase) {
    case 'ending':
      return { state: state === 'failed' || state === 'waking' ? state : 'stopping', ...(cause && { cause }) };
    case 'absent':
      // What was given up stays so until somebody wants it again, which makes it `requested`.
      return state === 'failed' ? { state, ...(cause && { cause }) } : { act: 'start', state: beginning };
    case 'starting':
    case 'running':
    case 'gone':
      if (observed.revision !== revision) return { act: 'start', state: beginning };
      if (observed.phase === 'running') return { state: 'ready' };
      if (observed.phase === 'gone') return { act: 'stop', state: 'failed', cause: observed.cause };
      return { state: beginning, ...(observed.cause && { cause: observed.cause }) };
  }
}
