import { LRUCache } from 'lru-cache';
import { hashSecret, type Session } from '../lib/index.ts';

/** What all sessions of one sign-in share: using any of them keeps all of them from going idle. */
export type Family = {
  readonly centralId: string;
  lastSeenAt: number;
  /** When `lastSeenAt` was last on its way to the store. */
  queuedAt: number;
  readonly secrets: Set<string>;
};

export type CachedSession = { readonly session: Session; readonly family: Family };

export type SessionCache = {
  get(secret: string): CachedSession | undefined;
  /** Keeps a session, unless it is known to have ended while it was being read. */
  put(secret: string, session: Session, lastSeenAt: number): CachedSession | undefined;
  family(centralId: string): Family | undefined;
  /** Forgets a sign-in for good: ids are never reused, so nothing that is read late can bring it back. */
  bury(centralId: string): void;
  /** Forgets one host session for good. */
  burySession(centralId: string, id: string): void;
  /** Forgets one secret (its hash) for good; the store is asked next time about the others of the sign-in, which goes on. */
  burySecret(centralId: string, secretHash: string): void;
  /** Forgets what is cached; the store is asked next time. */
  forget(centralId: string): void;
  /** Forgets everything that is cached; what has ended stays buried. */
  forgetAll(): void;
  isMissing(secret: string, now: number): boolean;
  noteMissing(secret: string, now: number): void;
};

const maxSessions = 50_000;
const maxMissing = 5_000;
const maxBuried = 20_000;
const missingMs = 10_000;

/**
 * Sessions by cookie value, in front of the store. Values that are no session are kept apart and briefly, so that a flood of
 * invented cookies neither reaches the store twice nor pushes a real session out.
 */
export function createSessionCache(): SessionCache {
  const families = new Map<string, Family>();
  const buried = new LRUCache<string, true>({ max: maxBuried });
  const missing = new LRUCache<string, number>({ max: maxMissing });
  const sessions = new LRUCache<string, CachedSession>({
    max: maxSessions,
    dispose: ({ family }, secret) => {
      family.secrets.delete(secret);
      if (family.secrets.size === 0 && families.get(family.centralId) === family) families.delete(family.centralId);
    },
    noDisposeOnSet: true,
  });

  function forget(centralId: string): void {
    for (const secret of families.get(centralId)?.secrets ?? []) sessions.delete(secret);
  }

  return {
    get: (secret) => sessions.get(secret),
    put(secret, session, lastSeenAt) {
      if (buried.has(session.centralId) || buried.has(session.id) || buried.has(hashSecret(secret))) return undefined;
      let family = families.get(session.centralId);
      if (!family) {
        family = { centralId: session.centralId, lastSeenAt, queuedAt: lastSeenAt, secrets: new Set() };
        families.set(session.centralId, family);
      }
      const cached = { session: Object.freeze(session), family };
      family.secrets.add(secret);
      sessions.set(secret, cached);
      return cached;
    },
    family: (centralId) => families.get(centralId),
    bury(centralId) {
      buried.set(centralId, true);
      forget(centralId);
    },
    burySession(centralId, id) {
      buried.set(id, true);
      for (const secret of families.get(centralId)?.secrets ?? []) {
        if (sessions.peek(secret)?.session.id === id) sessions.delete(secret);
      }
    },
    burySecret(centralId, secretHash) {
      buried.set(secretHash, true);
      forget(centralId);
    },
    forget,
    forgetAll() {
      sessions.clear();
      missing.clear();
    },
    isMissing(secret, now) {
      const since = missing.get(secret);
      return since !== undefined && Math.abs(now - since) < missingMs;
    },
    noteMissing: (secret, now) => void missing.set(secret, now),
  };
}
