/** What the questions below are answered from; of the upper-case method and the fields as received. */
export type AskedBy = {
  method: string;
  /** `Sec-Fetch-Mode`. */
  fetchMode: string | undefined;
  accept: string | undefined;
  isUpgrade: boolean;
};

/**
 * Whether a person will see the answer, so that it is a page and not JSON: a navigation by Fetch Metadata whatever its method (a
 * form is sent with `Sec-Fetch-Mode: navigate` too: Fetch, section 2.2.5; HTML, "form submission"), or, from an old browser that
 * does not say, by what it accepts.
 */
export function asksForPage({ fetchMode, accept, isUpgrade }: Omit<AskedBy, 'method'>): boolean {
  if (isUpgrade) return false;
  return fetchMode === undefined ? accept?.includes('text/html') === true : fetchMode === 'navigate';
}

/** `asksForPage` of a request to the main host: what is answered there is never an upgrade. */
export function isForPerson({
  'sec-fetch-mode': mode,
  accept,
}: {
  accept?: string | undefined;
  'sec-fetch-mode'?: string | string[] | undefined;
}): boolean {
  return asksForPage({ fetchMode: typeof mode === 'string' ? mode : undefined, accept, isUpgrade: false });
}

/**
 * Whether it may be sent to sign in and come back: a navigation that asks again by GET and loses nothing. What a form carries would
 * be lost on the way, in silence (RFC 9110 section 15.4.4: 303 is followed by GET).
 */
export function maySignIn(asked: AskedBy): boolean {
  return (asked.method === 'GET' || asked.method === 'HEAD') && asksForPage(asked);
}
