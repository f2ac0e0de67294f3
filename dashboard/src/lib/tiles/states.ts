/** What a tile says of its thing: always a shape and a word. */
import type { Tile } from '#lib/contract.ts';
import type { Mark } from '#lib/ui/StatusMark.svelte';

type State = { mark: Mark; word: string };

export const tileStates: Record<Tile['status']['status'], State> = {
  ready: { mark: 'ready', word: 'Ready' },
  preparing: { mark: 'working', word: 'Preparing' },
  failed: { mark: 'failed', word: 'Not working' },
  unreachable: { mark: 'failed', word: 'Not reachable' },
  off: { mark: 'stopped', word: 'Off' },
  unwatched: { mark: 'unwatched', word: 'Not watched' },
  unknown: { mark: 'working', word: 'Looking' },
};

/** Of what is there for each person by itself, the person's own state: running, or asleep until they open it. */
export function stateOf({ status, isRunning, isStopping }: Tile): State {
  if (isStopping) return { mark: 'working', word: 'Stopping' };
  if (status.status !== 'ready' || isRunning === undefined) return tileStates[status.status];
  return isRunning ? { mark: 'ready', word: 'Running' } : { mark: 'asleep', word: 'Asleep: opens when you need it' };
}

/**
 * Whether a tile leads to its tool. Applications always do: asking from outside may be wrong about them, and who goes there sees
 * what is. A tool that Knot runs itself is opened when it runs, and not while
 * it is being stopped.
 */
export function canOpen({ kind, status, isStopping }: Tile): boolean {
  if (isStopping) return false;
  return kind === 'app' || ['ready', 'unreachable', 'unknown', 'unwatched'].includes(status.status);
}

/** What goes on for a person, and what could be started, each with what they pinned first. */
export function blocksOf(tiles: readonly Tile[], isPinned: (name: string) => boolean) {
  const [pinned, rest] = [tiles.filter(({ name }) => isPinned(name)), tiles.filter(({ name }) => !isPinned(name))];
  const all = [...pinned, ...rest];
  return {
    running: all.filter(({ isRunning }) => isRunning === true),
    others: all.filter(({ isRunning }) => isRunning !== true),
  };
}
