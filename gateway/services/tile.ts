import type { TileStatus } from '../lib/index.ts';
import type { Service } from './service.ts';

/** What whoever opens a service is told while it does not answer; nothing about one that should. */
export function tileOf({ state, cause }: Pick<Service, 'state' | 'cause'>): TileStatus | undefined {
  switch (state) {
    case 'ready':
      return undefined;
    case 'requested':
    case 'starting':
      return {
        status: 'preparing',
        message: cause ? `${cause.what} It is tried again.` : 'Its program is being started.',
      };
    case 'waking':
      return { status: 'preparing', message: cause ? `${cause.what} It is tried again.` : 'It is waking up.' };
    case 'sleeping':
      return { status: 'off', message: 'It is asleep.', remedy: 'Whoever it belongs to can start it.' };
    case 'stopping':
    case 'stopped':
      return { status: 'off', message: 'It is not running.', remedy: 'Whoever it belongs to can start it.' };
    case 'failed':
      return {
        status: 'failed',
        message: cause?.what ?? 'It could not be started.',
        remedy: 'Whoever it belongs to finds what to do with it, and can start it again.',
      };
  }
}
