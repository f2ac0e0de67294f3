import type { Session } from '../lib/index.ts';

export type SessionListing = {
  id: string;
  /** Short, readable: `Chromium on Linux`. */
  device: string;
  address: string;
  startedAt: number;
  lastSeenAt: number;
  expiresAt: number;
  /** Service hosts with a session bound to this one. */
  hosts: string[];
};

/**
 * Opaque cookies, stored hashed; a central session on DOMAIN and host sessions bound to it. The cookie is `__Host-knot`
 * on every host. Ending a central session ends its host sessions; endings are announced as `sessions` (key: central id).
 */
export type Sessions = {
  /** Starts a central session after a successful sign-in; the value goes into the cookie and is never kept. */
  start(facts: { userId: string; username: string; device: string; address: string }): Promise<{ secret: string; session: Session }>;
  /**
   * The session of a Cookie header on a host ('' = main host), from the cache only: undefined = not cached (call `find`),
   * null = certainly none (no cookie, duplicate cookie, ended, expired).
   */
  peek(cookieHeader: string | undefined, host: string): Session | null | undefined;
  find(cookieHeader: string | undefined, host: string): Promise<Session | null>;
  /** One-time code (60 s) that lets `host` start its own session, for the browser whose binding hash is given. */
  issueCode(session: Session, handoff: { host: string; binding: string; next: string }): Promise<string>;
  /** Single use; undefined when unknown, used, expired, of another host or browser. A replay ends the session the code made. */
  redeemCode(code: string, handoff: { host: string; binding: string; device: string; address: string }): Promise<{ secret: string; session: Session; next: string } | undefined>;
  list(userId: string): Promise<SessionListing[]>;
  listAll(): Promise<(SessionListing & { userId: string })[]>;
  /** Ends one central session (public id) and all bound to it. False when there is none. */
  end(id: string, by: { actor: string; reason: string }): Promise<boolean>;
  /** Ends all of a person's sessions, except one if given. Returns how many. */
  endAll(userId: string, by: { actor: string; reason: string; exceptId?: string }): Promise<number>;
  /** Hears the central id of every session that ended or was ended, in this or another process, and of those that expire. */
  onEnded(listener: (centralId: string) => void): () => void;
  /** Set-Cookie values. */
  cookie(secret: string): string;
  clearCookie(): string;
  /** Removes what expired; called by a timer and by tests. */
  sweep(): Promise<void>;
  close(): Promise<void>;
};
