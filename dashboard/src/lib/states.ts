/** States of the API as mark (colour and shape) and word; always shown together. */
import type { Component, User } from '#lib/contract.ts';
import type { Mark } from '#lib/ui/StatusMark.svelte';

const componentMarks = { ok: 'ready', working: 'working', warning: 'warning', failed: 'failed' } as const;
const componentWords = { ok: 'Works', working: 'Working on it', warning: 'Needs a look', failed: 'Failed' } as const;

export const markOf = (status: Component['status']): Mark => componentMarks[status];
export const wordOf = (status: Component['status']): string => componentWords[status];

export const userStates: Record<User['state'], { mark: Mark; word: string }> = {
  pending: { mark: 'waiting', word: 'Waiting' },
  active: { mark: 'ready', word: 'Active' },
  disabled: { mark: 'asleep', word: 'Disabled' },
};

/** The parts that failed or warn. */
export function troubledIn(components: readonly Component[]): Component[] {
  return components.filter(({ status }) => status === 'failed' || status === 'warning');
}
