import { attempt } from '#lib/toasts.svelte.ts';

/** Takes the address of something along. */
export const copyAddress = (name: string, url: string): Promise<boolean> =>
  attempt(() => navigator.clipboard.writeText(url), `The address of ${name} is copied.`, { isPassing: true });
