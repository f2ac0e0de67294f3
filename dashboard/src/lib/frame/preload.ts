import { preloadCode } from '$app/navigation';
import { match } from '$app/paths';

/**
 * Fetches the code of every page of this person while there is time, so that none of it is missing when Knot is away. Marks when it
 * begins and when all is there (User Timing): for who measures what a page needs, and for tests that take the line away.
 */
export function fetchCodeOf(addresses: readonly string[]): void {
  const fetchAll = async (): Promise<void> => {
    performance.mark('knot-code-wanted');
    for (const address of addresses) {
      const found = await match(address);
      // Without it the page is fetched when it is opened, as ever.
      if (found) await preloadCode(found.id).catch(() => undefined);
    }
    performance.mark('knot-code-fetched');
  };
  if ('requestIdleCallback' in window) requestIdleCallback(() => void fetchAll(), { timeout: 2000 });
  else setTimeout(() => void fetchAll(), 500);
}
