/**
 * sessions: who is signed in where.
 * Owns: central and host sessions, their cookies, the one-time-code exchange, lifetimes, the cache in front of the store.
 * Does not own: checking a password (accounts), pages (login).
 * Mounts: nothing.
 */
export { cookieName, readSessionCookie } from './cookie.ts';
export { describeDevice } from './device.ts';
export type { Redemption, Visit } from './codes.ts';
export type { SessionListing } from './listing.ts';
export { createSessions, type Sessions, type SessionsOptions } from './service.ts';
export type { AccountGuard, Verified } from './start.ts';
