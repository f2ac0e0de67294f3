import type { RouteState } from '../lib/index.ts';
import type { LaunchStep } from './engine.ts';
import type { Service } from './service.ts';

/** What whoever opens a service at a gateway whose machine does not run it is told: how it is there, and that it is not reached from here. */
export function tileElsewhere(service: Pick<Service, 'wish' | 'state' | 'cause' | 'owner'>): RouteState {
  return (
    tileOf(service, []) ?? {
      status: 'elsewhere',
      message: 'It is ready, on another machine of this installation. This gateway does not reach it.',
      remedy: 'Whoever runs this Knot leads its address to the gateway of that machine.',
    }
  );
}

/** What whoever opens a service is told while it does not answer; nothing about one that should. */
export function tileOf(
  { wish, state, cause, owner }: Pick<Service, 'wish' | 'state' | 'cause' | 'owner'>,
  steps: readonly LaunchStep[],
): RouteState | undefined {
  // While it goes to sleep too: whoever comes now wakes it as soon as that is over.
  if (wish === 'asleep' && (state === 'sleeping' || state === 'stopping'))
    return { status: 'asleep', message: 'It is asleep, because nobody used it for a while.' };
  const whose = owner.kind === 'user' ? owner.name : `Whoever manages ${owner.name}`;
  switch (state) {
    case 'ready':
      return undefined;
    case 'requested':
    case 'starting':
    case 'waking':
      return {
        status: state === 'waking' ? 'waking' : 'preparing',
        message: cause ? `${cause.what} It is tried again.` : 'Its program is being started.',
        steps: steps.map(({ name: _, ...step }) => step),
      };
    case 'stopping':
      // Started again while it ends: it is as good as starting.
      if (wish === 'running') return { status: 'preparing', message: 'What ran before is being ended.' };
      return { status: 'off', message: 'It is being stopped.', remedy: `${whose} can start it.` };
    case 'sleeping':
    case 'stopped':
      return { status: 'off', message: 'It is not running.', remedy: `${whose} can start it.` };
    case 'failed':
      return {
        status: 'failed',
        message: cause?.what ?? 'It could not be started.',
        remedy: `${whose} finds what to do about it, and can start it again.`,
        steps: steps.map(({ name: _, ...step }) => step),
      };
  }
}
