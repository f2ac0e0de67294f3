/**
 * sessions: who is signed in where.
 * Owns: central and host sessions, their cookies, the one-time-code exchange, lifetimes, the cache in front of the store.
 * Does not own: checking a password (accounts), pages (login).
 * Mounts: nothing.
 */
export type { SessionListing, Sessions } from './service.ts';
