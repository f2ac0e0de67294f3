/** Which places somebody shares, for the mark beside their names. Asked once, and anew when a share changes. */
import { SvelteSet } from 'svelte/reactivity';
import { sharesApi } from '#lib/api/shares.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { hear } from '#lib/live/changes.ts';

const places = new SvelteSet<string>();
let stop: (() => void) | undefined;
let followers = 0;

async function read(): Promise<void> {
  const { given } = await sharesApi.list();
  const now = new Set(given.map(({ area, address }) => addressOf({ area, address })));
  for (const place of places) if (!now.has(place)) places.delete(place);
  for (const place of now) places.add(place);
}

/** The mark is an addition: a page is whole without it. */
const readQuietly = (): void => void read().catch(() => undefined);

export const isShared = (place: Place): boolean => places.has(addressOf(place));

/** Keeps it up to date for as long as something shows it; returns the way to stop. */
export function followShared(): () => void {
  followers += 1;
  if (followers === 1) {
    stop = hear(['shares'], readQuietly);
    readQuietly();
  }
  return () => {
    followers -= 1;
    if (followers > 0) return;
    stop?.();
    places.clear();
  };
}
