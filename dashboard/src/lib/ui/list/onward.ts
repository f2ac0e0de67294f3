/**
 * The way on from one list to the next: each change of what a list shows is made to what was asked for last, also while that is still
 * on its way. A link is drawn for the list that is shown; what it would change there is what the person meant.
 */
import { goto } from '$app/navigation';
import { navigating, page } from '$app/state';
import { onto } from './onto.ts';

/** Where this page was sent last, until it is there. */
let intended: URL | undefined;

const shown = (): URL => new URL(page.url.href);

const isHere = ({ pathname }: { pathname: string }): boolean => pathname === page.url.pathname;

/** The list that is asked for: the one that is shown, or the one that is on its way. */
function wanted(): URL {
  if (intended && isHere(intended)) return intended;
  return navigating.to && isHere(navigating.to.url) ? new URL(navigating.to.url.href) : shown();
}

/** Where a link of this list leads, given what was asked for last. */
const onwardTo = (href: string): string => onto(new URL(href, page.url.href), shown(), wanted());

/** Follows a link of this list. */
export async function goOn(href: string, options: { replace?: boolean; reset?: boolean } = {}): Promise<void> {
  const goal = new URL(onwardTo(href), page.url.href);
  intended = goal;
  try {
    await goto(goal.pathname + goal.search + goal.hash, { reset: false, ...options });
  } finally {
    if (intended === goal) intended = undefined;
  }
}

/** Takes the presses on links that lead to the same list. */
export function followOnward(event: MouseEvent): void {
  const link = (event.target as Element).closest<HTMLAnchorElement>('a[href]:not([download], [target])');
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented) return;
  const goal = new URL(link.href);
  if (!isHere(goal) || goal.search === wanted().search) return;
  event.preventDefault();
  void goOn(link.href, { reset: link.closest('[data-sveltekit-reset="false"]') === null });
}
