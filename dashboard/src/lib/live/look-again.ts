/** A page as this sees it: the `document`. */
type Seen = Pick<EventTarget, 'addEventListener' | 'removeEventListener'> & { readonly visibilityState: string };

/**
 * Looks again every so many milliseconds while somebody sees the page, and at once when they come back to it: for what no event tells.
 * The answer ends it, as an effect wants it.
 */
export function lookAgain(
  look: () => unknown,
  milliseconds: number,
  page: Seen = (globalThis as unknown as { document: Seen }).document,
): () => void {
  const lookIfSeen = (): void => {
    if (page.visibilityState === 'visible') void look();
  };
  const timer = setInterval(lookIfSeen, milliseconds);
  page.addEventListener('visibilitychange', lookIfSeen);
  return () => {
    clearInterval(timer);
    page.removeEventListener('visibilitychange', lookIfSeen);
  };
}
