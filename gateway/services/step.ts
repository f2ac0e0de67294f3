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
 *   requested ─▶ starting ─▶ ready
 *                   │  ▲       │
 *                   ▼  └───────┤ ended, tried again
 *                failed        ▼
 *                          stopping ─▶ stopped ─▶ (removed)
 */
export function nextStep({ wish, state, cause, revision }: Service, observed: Observed): Step {
  if (wish !== 'running') {
    if (observed.phase !== 'absent') return { act: 'stop', state: 'stopping' };
    return wish === 'removed' ? { act: 'remove', state: 'stopped' } : { state: 'stopped' };
  }
  switch (observed.phase) {
    case 'ending':
      return { state: state === 'failed' ? 'failed' : 'stopping', ...(cause && { cause }) };
    case 'absent':
      // What was given up stays so until somebody wants it again, which makes it `requested`.
      return state === 'failed' ? { state, ...(cause && { cause }) } : { act: 'start', state: 'starting' };
    case 'starting':
    case 'running':
    case 'gone':
      if (observed.revision !== revision) return { act: 'start', state: 'starting' };
      if (observed.phase === 'running') return { state: 'ready' };
      if (observed.phase === 'gone') return { act: 'stop', state: 'failed', cause: observed.cause };
      return { state: 'starting', ...(observed.cause && { cause: observed.cause }) };
  }
}
