/** What a person pinned on Home. Kept in this browser, per person: the gateway has no place for preferences. */
import { readKept, writeKept } from '#lib/kept.ts';

const prefix = 'knot-pins:';
const most = 200;

let key: string | undefined;
const pinned = $state<string[]>([]);

export function openPins(userId: string): void {
  if (key === prefix + userId) return;
  key = prefix + userId;
  take(readKept(key));
}

export const isPinned = (name: string): boolean => pinned.includes(name);

export function setPinned(name: string, wanted: boolean): void {
  const rest = pinned.filter((other) => other !== name);
  pinned.splice(0, pinned.length, ...(wanted ? [...rest, name].slice(-most) : rest));
  if (key !== undefined) writeKept(key, pinned);
}

function take(kept: unknown): void {
  const names = Array.isArray(kept) ? kept.filter((name) => typeof name === 'string') : [];
  pinned.splice(0, pinned.length, ...names);
}

// Told by the other tabs only (HTML, "the storage event").
addEventListener('storage', ({ key: changed }) => {
  if (key !== undefined && (changed === key || changed === null)) take(readKept(key));
});
