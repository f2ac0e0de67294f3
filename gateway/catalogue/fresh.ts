/** A list is read again this long after it was read: whoever edits a template sees it at the next look. */
const freshMs = 2_000;

/** What was read under a key a moment ago, else read now; what was not there (undefined) or could not be read is looked for each time. */
type Fresh<T> = (key: string, read: () => Promise<T>) => Promise<T>;

export function createFresh<T>(now: () => number): Fresh<T> {
  /** Oldest first. */
  const known = new Map<string, { at: number; found: Promise<T> }>();

  return (key, read) => {
    for (const [old, { at }] of known) {
      if (now() - at < freshMs) break;
      known.delete(old);
    }
    const before = known.get(key);
    if (before !== undefined) return before.found;
    const fresh = { at: now(), found: read() };
    known.set(key, fresh);
    const forget = (): void => {
      if (known.get(key) === fresh) known.delete(key);
    };
    fresh.found.then((found) => found === undefined && forget(), forget);
    return fresh.found;
  };
}
