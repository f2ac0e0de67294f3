/**
 * What somebody typed into a long form and did not send yet, kept in this browser so that a reload loses nothing. Each draft belongs
 * to one person; it goes when it is sent, when they sign out, and when somebody else signs in here. Secrets are never kept.
 */
const scheme = 'knot.draft/';

const keyOf = (person: string, form: string): string => `${scheme}${person}/${form}`;

/** A browser that keeps nothing (a full or forbidden storage) has no drafts; typing goes on. */
function attemptTo<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

export function keepDraft(person: string, form: string, values: Record<string, unknown>): void {
  attemptTo(() => localStorage.setItem(keyOf(person, form), JSON.stringify(values)));
}

/** What was kept, as far as it still fits the fields of the form. */
export function draftOf<V extends Record<string, unknown>>(
  person: string,
  form: string,
  initial: V,
): Partial<V> | undefined {
  const kept = attemptTo(() => JSON.parse(localStorage.getItem(keyOf(person, form)) ?? 'null') as unknown);
  if (typeof kept !== 'object' || kept === null) return undefined;
  const fitting = Object.entries(kept).filter(
    ([name, value]) => name in initial && typeof value === typeof initial[name],
  );
  return fitting.length === 0 ? undefined : (Object.fromEntries(fitting) as Partial<V>);
}

export function forgetDraft(person: string, form: string): void {
  attemptTo(() => localStorage.removeItem(keyOf(person, form)));
}

/** Forgets the drafts of everybody, or of everybody else. */
export function forgetDrafts(exceptPerson?: string): void {
  attemptTo(() => {
    for (const key of Object.keys(localStorage)) {
      const isKept = exceptPerson !== undefined && key.startsWith(keyOf(exceptPerson, ''));
      if (key.startsWith(scheme) && !isKept) localStorage.removeItem(key);
    }
  });
}
