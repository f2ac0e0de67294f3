import type { Service } from './service.ts';

/** What people, visits and the clock do with a service. */
export type Act = 'start' | 'stop' | 'wake' | 'sleep' | 'remove';

/** Something of it runs, or is about to. */
const isUp: ReadonlySet<Service['state']> = new Set(['requested', 'starting', 'waking', 'ready']);

/** What an act changes of the record; everything else follows from what is wanted and what is seen (`step.ts`). */
export type Wished = Partial<Pick<Service, 'wish' | 'state' | 'since' | 'revision'>>;

/**
 * What an act makes of a service, whatever it is doing now: the last wish is what happens. Empty when it changes nothing: pressing
 * twice is pressing once. Undefined when it is not to be done: what is being removed is wanted no more, what was stopped is woken by
 * nobody, and only what answers is put to sleep.
 */
export function wishedBy(
  act: Act,
  service: Pick<Service, 'wish' | 'state' | 'revision'>,
  now: number,
): Wished | undefined {
  const { wish, state, revision } = service;
  // Said at once, so that the history names who did it and not who carried it out.
  const ending: Wished = isUp.has(state) ? { state: 'stopping', since: now } : {};
  if (act === 'remove') return wish === 'removed' ? {} : { wish: 'removed', ...ending };
  if (wish === 'removed') return undefined;
  // A new start is a new revision: what is still ending of the last one is not taken for it.
  const begun: Wished = { wish: 'running', state: 'requested', since: now, revision: revision + 1 };
  switch (act) {
    case 'start':
      if (wish === 'asleep') return { ...begun, state: 'waking' };
      return wish === 'running' && state !== 'failed' ? {} : begun;
    case 'wake':
      if (wish === 'asleep') return { ...begun, state: 'waking' };
      return wish === 'running' ? {} : undefined;
    case 'sleep':
      if (wish === 'asleep') return {};
      return wish === 'running' && state === 'ready' ? { wish: 'asleep' } : undefined;
    case 'stop':
      return wish === 'stopped' ? {} : { wish: 'stopped', ...ending };
  }
}
