/** States of the API as mark (colour and shape) and word; always shown together. */
import type { Component, Tile, User } from '#lib/contract.ts';
import type { Mark } from '#lib/ui/StatusMark.svelte';

const componentMarks = { ok: 'ready', working: 'working', warning: 'warning', failed: 'failed' } as const;
const componentWords = { ok: 'Works', working: 'Working on it', warning: 'Needs a look', failed: 'Failed' } as const;

export const markOf = (status: Component['status']): Mark => componentMarks[status];
export const wordOf = (status: Component['status']): string => componentWords[status];

export const tileStates: Record<Tile['status']['status'], { mark: Mark; word: string }> = {
  ready: { mark: 'ready', word: 'Ready' },
  preparing: { mark: 'working', word: 'Preparing' },
  failed: { mark: 'failed', word: 'Not working' },
  unreachable: { mark: 'failed', word: 'Not reachable' },
  off: { mark: 'asleep', word: 'Off' },
  unwatched: { mark: 'unwatched', word: 'Not watched' },
  unknown: { mark: 'working', word: 'Looking' },
};

/**
 * Whether a tile leads to its tool. Applications always do: asking from outside may be wrong about them, and who goes there sees
 * what is. A tool that Knot runs itself is opened when it runs.
 */
export function canOpen({ kind, status }: Tile): boolean {
  return kind === 'app' || ['ready', 'unreachable', 'unknown', 'unwatched'].includes(status.status);
}

export const userStates: Record<User['state'], { mark: Mark; word: string }> = {
  pending: { mark: 'waiting', word: 'Waiting' },
  active: { mark: 'ready', word: 'Active' },
  disabled: { mark: 'asleep', word: 'Disabled' },
};

/** The parts that failed or warn. */
export function troubledIn(components: readonly Component[]): Component[] {
  return components.filter(({ status }) => status === 'failed' || status === 'warning');
}
