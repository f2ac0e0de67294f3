/** The shapes of states; `StatusMark.svelte` draws them. */
export type Mark = 'ready' | 'working' | 'waiting' | 'asleep' | 'warning' | 'failed' | 'unwatched' | 'stopped';
