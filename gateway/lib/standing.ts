/**
 * What stands where something was. `same`: what was there, or nothing was known; `gone`: nothing to be read at the moment; `other`: another
 * thing. `mark`: what to remember of it, in the words of who looks, to be asked with next time.
 */
export type Standing = { state: 'same' | 'gone' | 'other'; mark: string | null };
