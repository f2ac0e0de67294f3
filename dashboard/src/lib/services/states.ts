/** How a service is, to a person: what was last asked of it counts, not only what its program does at this moment. */
import type { Service } from '#lib/contract.ts';
import type { Mark } from '#lib/ui/mark.ts';

type Shown = { mark: Mark; word: string };

export const serviceStates: Record<Service['state'] | 'removed', Shown> = {
  requested: { mark: 'waiting', word: 'About to start' },
  starting: { mark: 'working', word: 'Starting' },
  waking: { mark: 'working', word: 'Waking up' },
  ready: { mark: 'ready', word: 'Running' },
  sleeping: { mark: 'asleep', word: 'Asleep' },
  stopping: { mark: 'working', word: 'Stopping' },
  stopped: { mark: 'stopped', word: 'Stopped' },
  failed: { mark: 'failed', word: 'Failed' },
  removed: { mark: 'working', word: 'Being removed' },
};

type Told = Pick<Service, 'state' | 'wish'>;

/** Nothing is said to run that was just stopped, nor to be stopped that was just started. */
export function shownState({ state, wish }: Told): Shown {
  if (wish === 'removed') return serviceStates.removed;
  if (wish === 'stopped' && state !== 'stopped') return serviceStates.stopping;
  if (wish === 'asleep' && state === 'ready') return { mark: 'working', word: 'Going to sleep' };
  if (wish === 'running' && (state === 'stopped' || state === 'stopping')) return serviceStates.requested;
  return serviceStates[state];
}

/** Whether it runs, or would for whoever comes: it was not told to go. */
export const isWanted = ({ wish }: Pick<Service, 'wish'>): boolean => wish === 'running' || wish === 'asleep';

/** Whether it comes up and is not there yet. */
export const isComing = ({ state, wish }: Told): boolean => wish === 'running' && !['ready', 'failed'].includes(state);

/** What takes something of the machine, or will: it can be stopped. */
export const isUp = (service: Told): boolean => isWanted(service) && service.state !== 'stopped';

/** Whether it runs, and goes to sleep by itself when nobody uses it. */
export const sleepsByItself = ({ state, rest }: Pick<Service, 'state' | 'rest'>): boolean =>
  state === 'ready' && rest !== undefined && rest.idleSeconds > 0;

/** Only what answered, and was not told to go since, is opened. */
export const isOpenable = (service: Told & Pick<Service, 'canView'>): boolean =>
  service.canView && service.state === 'ready' && service.wish === 'running';

/** What a person most likely wants of it now. */
export function firstAct(service: Service): 'open' | 'wake' | 'start' | undefined {
  if (isOpenable(service)) return 'open';
  const { state, wish, canView, canOpen, canManage } = service;
  if (wish === 'removed') return undefined;
  if (state === 'sleeping' && wish === 'asleep') return canOpen ? 'wake' : canView ? 'open' : undefined;
  if (state === 'failed' || wish === 'stopped') return canManage ? 'start' : undefined;
  return undefined;
}
