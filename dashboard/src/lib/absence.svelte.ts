/** What happens to a page while Knot cannot be reached: it stays, and the one that was asked for opens when Knot is back. */
import { navigating } from '$app/state';
import { labelAt } from '#lib/frame/sections.ts';

/** Name of the page that waits for Knot, or undefined. */
export const absence = $state<{ awaited: string | undefined }>({ awaited: undefined });

const retryMilliseconds = 1000;
/** How soon a person who let go of a link is told that its page waits. */
const noticeMilliseconds = 100;
let isShown = false;
/** Counts where the person set out for; whoever waits for an older one gives up. */
let journey = 0;

export const isPageShown = (): boolean => isShown;

export function pageIsShown(): void {
  isShown = true;
  absence.awaited = undefined;
}

export function setOut(): void {
  journey += 1;
  absence.awaited = undefined;
}

/** Waits a moment before the next try; for ever when the person has gone somewhere else meanwhile. */
export async function awaitKnot(): Promise<void> {
  // A page is asked for when its link is pressed, before the person sets out (`data-sveltekit-preload-data`): it is for the journey to come.
  const mine = navigating.to ? journey : journey + 1;
  const end = performance.now() + retryMilliseconds;
  do {
    const wanted = navigating.to?.url.pathname;
    if (wanted !== undefined && mine === journey) absence.awaited = labelAt(wanted) ?? 'this page';
    await new Promise((resolve) => setTimeout(resolve, noticeMilliseconds));
  } while (performance.now() < end);
  if (mine < journey) await new Promise(() => undefined);
}
