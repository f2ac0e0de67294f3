import { cookieValues, hashSecret, networkOf, newSecret } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { deletePlacesBeyond, findPlaces, isPlaceKnown, writePlace } from './records.ts';

/** Where an attempt comes from. */
export type Origin = {
  /** Client address. */
  address: string;
  /** Secret of the browser's device cookie, if it has one. */
  device?: string | undefined;
};

export type KnownPlaces = {
  /** Whether this person signed in from this browser, and from this network, before. */
  knows(userId: string | undefined, origin: Origin): Promise<{ isDevice: boolean; isNetwork: boolean }>;
  /** Notes a sign-in; in the transaction that begins the session. */
  remember(transaction: Transaction, userId: string, origin: Origin, now: number): Promise<void>;
  /** The secret this browser keeps: its own when it was ours, else a new one, because it may have been planted. */
  deviceFor(presented: string | undefined): Promise<string>;
};

const cookieName = '__Host-knot-device';
const secretPattern = /^[A-Za-z0-9_-]{43}$/;
/** Browsers keep a cookie for 400 days at most (RFC 6265bis section 5.5). */
const lifetimeSeconds = 400 * 24 * 3600;
/** Per person; the ones used longest ago go first. */
const mostPlaces = 100;

export function createKnownPlaces(store: Store): KnownPlaces {
  return {
    async knows(userId, origin) {
      // Nobody's places are looked up as well: an unknown name costs what a known one does.
      const found = await findPlaces(store.db, userId ?? '', placesOf(origin));
      return {
        isDevice: origin.device !== undefined && found.includes(devicePlace(origin.device)),
        isNetwork: found.includes(networkPlace(origin.address)),
      };
    },
    async remember({ db }, userId, origin, now) {
      for (const place of placesOf(origin)) await writePlace(db, { user_id: userId, place, last_used_at: now });
      await deletePlacesBeyond(db, userId, { most: mostPlaces, usedBefore: now - lifetimeSeconds * 1000 });
    },
    async deviceFor(presented) {
      return presented !== undefined && (await isPlaceKnown(store.db, devicePlace(presented)))
        ? presented
        : newSecret();
    },
  };
}

export const devicePlace = (secret: string): string => `device:${hashSecret(secret)}`;
const networkPlace = (address: string): string => `network:${networkOf(address)}`;

function placesOf({ address, device }: Origin): string[] {
  return [networkPlace(address), ...(device === undefined ? [] : [devicePlace(device)])];
}

/** The secret in a `Cookie` header; undefined when there is none, more than one, or none of our making. */
export function readDeviceCookie(header: string | undefined): string | undefined {
  const [value, ...more] = cookieValues(header, cookieName);
  return value !== undefined && more.length === 0 && secretPattern.test(value) ? value : undefined;
}

/** Proves an earlier sign-in of this browser and nothing else: it opens no door, and is worth nothing at another account. */
export function writeDeviceCookie(secret: string): string {
  return `${cookieName}=${secret}; Path=/; Max-Age=${lifetimeSeconds}; Secure; HttpOnly; SameSite=Lax`;
}
