/**
 * shares: whom an owner lets in.
 * Owns: who shares what with whom, by which right and until when; links for guests, and their sessions on hosts of services; who used a
 * share and when.
 * Does not own: whether somebody may share (policy), what is shared (files, services), who is in a team (accounts).
 * Mounts: nothing.
 */
export { guestOf } from './guest.ts';
export { createShares, type LinkState, noSuchShare, type Shares, type ShareUse } from './service.ts';
export type { GuestVisit } from './visits.ts';
export { type NewShare, partyWords, type Share, type SharedThing, type ShareParty } from './share.ts';
