import type { Clock } from '../../lib/index.ts';
import type { LaunchStep, Observed } from '../engine.ts';
import { hasRun, type SeenPod } from './seen.ts';

type Name = 'rendered' | 'accepted' | 'image' | 'started' | 'answer';

/** How far a start is. */
export type Steps = {
  /** What was worked at is done, and so is everything before this one. */
  begin(name: Name): void;
  /** This one is not needed. */
  skip(name: Name): void;
  /** What pods show. */
  see(pods: readonly SeenPod[], phase: Observed['phase']): void;
  finish(state: 'done' | 'failed'): void;
  isOver(): boolean;
  list(): LaunchStep[];
};

const titles: Record<Name, string> = {
  rendered: 'Look at what it consists of',
  accepted: 'Hand it to the cluster',
  image: 'Get its image',
  started: 'Start the program',
  answer: 'Wait until it answers',
};

export function createSteps(clock: Clock): Steps {
  let steps: LaunchStep[] = Object.entries(titles).map(([name, title]) => ({
    ...{ name: name as Name, title },
    state: 'waiting',
  }));
  let hasEnded = false;

  function begin(name: Name): void {
    const at = steps.findIndex((step) => step.name === name);
    const now = clock.now();
    steps.forEach((step, index) => {
      if (index < at && step.state !== 'done')
        Object.assign(step, { state: 'done', startedAt: step.startedAt ?? now, endedAt: now });
      if (index === at && step.state === 'waiting') Object.assign(step, { state: 'working', startedAt: now });
    });
  }

  return {
    begin,
    skip: (name) => void (steps = steps.filter((step) => step.name !== name)),
    see(pods, phase) {
      if (hasEnded) return;
      const own = pods.filter(({ isEnding, isOfJob }) => !isEnding && !isOfJob).flatMap(({ containers }) => containers);
      const programs = own.filter(({ isInit }) => !isInit);
      const runs = programs.length > 0 && programs.every(({ runningSince }) => runningSince !== undefined);
      if (phase === 'running' || runs) begin('answer');
      else if (own.some(hasRun)) begin('started');
    },
    finish(state) {
      if (hasEnded) return;
      hasEnded = true;
      const now = clock.now();
      for (const step of steps) {
        if (step.state === 'working' || (state === 'done' && step.state === 'waiting'))
          Object.assign(step, { state, startedAt: step.startedAt ?? now, endedAt: now });
      }
    },
    isOver: () => hasEnded,
    list: () => steps.map((step) => ({ ...step })),
  };
}
