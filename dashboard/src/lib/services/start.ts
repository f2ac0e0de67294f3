/** The start of a service as a checklist: what was done, is done and is to come, with the times that the gateway noted. */
import type { PreparationStep, Service, ServiceEvents } from '#lib/contract.ts';

type Event = ServiceEvents['events'][number];

/** The checklist of the start that is under way, or of the last one; nothing when it never began. */
export function startSteps(service: Service, events: readonly Event[]): PreparationStep[] {
  return service.steps?.map(({ name: _, ...step }) => step) ?? stepsOfEvents(events);
}

/** From what became of it (newest first), where nobody tells the steps between. */
function stepsOfEvents(events: readonly Event[]): PreparationStep[] {
  const first = events.findIndex(({ state }) => state === 'requested' || state === 'waking');
  const start = (first === -1 ? events : events.slice(0, first + 1)).toReversed();
  const asked = start.find(({ state }) => state === 'requested' || state === 'waking');
  const begun = start.find(({ state }) => state === 'starting');
  const end = start.find(({ state, at }) => (state === 'ready' || state === 'failed') && at >= (begun ?? asked)!.at);
  if (asked === undefined && begun === undefined) return [];
  const hasFailed = end?.state === 'failed';
  const preparing: PreparationStep = {
    title: 'Getting it ready',
    state: begun ? 'done' : hasFailed ? 'failed' : 'working',
    ...(asked && { startedAt: asked.at }),
    ...((begun ?? end) && { endedAt: (begun ?? end)!.at }),
  };
  const answering: PreparationStep = {
    title: 'Its program starts and answers',
    state: begun === undefined ? 'waiting' : end === undefined ? 'working' : hasFailed ? 'failed' : 'done',
    ...(begun && { startedAt: begun.at }),
    ...(begun && end && { endedAt: end.at }),
  };
  return [preparing, answering];
}

/** How long a start took, once it is over; milliseconds. */
export function tookOf(steps: readonly PreparationStep[]): number | undefined {
  const [begun] = steps.flatMap(({ startedAt }) => startedAt ?? []).sort((a, b) => a - b);
  const ended = steps.at(-1)?.endedAt;
  return begun === undefined || ended === undefined ? undefined : ended - begun;
}
