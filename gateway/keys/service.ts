import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { type Clock, dayMs, every, knotError, type Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { generateKeys, publicHalf } from './generate.ts';
import { claimGeneration, insertKeys, readGeneration, readKeys, retireKeys, type SigningKeyRow } from './records.ts';

/** JSON Web Keys of the platform, made at first start, rotated without restart. */
export type SigningKeys = {
  /** Public keys: current, upcoming and not yet expired ones (`/.well-known/jwks.json`). */
  publicJwks(): { keys: Record<string, unknown>[] };
  /** Private JWKS for the OpenID Provider; the first key of each algorithm signs. */
  providerJwks(): { keys: Record<string, unknown>[] };
  /** Signs a compact JWS with the current ES256 key. `iat` is set; `exp` from `lifetimeSeconds`. */
  signAssertion(claims: Record<string, unknown>, lifetimeSeconds: number): Promise<string>;
  /** Publishes a new key of each algorithm now and lets it sign after `leadSeconds`. */
  rotate(leadSeconds?: number): Promise<void>;
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
};

export type SigningKeysOptions = {
  store: Store;
  clock: Clock;
  /** Age at which keys are replaced. */
  rotationDays: number;
  log: Log;
  /** How often age and hand-over are looked at, milliseconds. */
  checkMs?: number;
};

/** A new key is published this long before it signs: longer than any relying party keeps the key set. */
const defaultLeadSeconds = 3600;
/**
 * A retired key stays published this long after its successor took over. Tokens live an hour at most, but an ID token is
 * also the `id_token_hint` of a later sign-out, and sign-ins last seven days by default.
 */
const retentionMs = 8 * dayMs;

type LoadedKey = SigningKeyRow & { jwk: JsonWebKey; keyObject: KeyObject };

/**
 * Opens the signing keys, making the first ones (about 0.1 s, once per store). Several processes may start or rotate at
 * the same time: one makes the keys, the others use them.
 * @throws KNOT_KEYS_UNREADABLE when a stored key cannot be parsed
 */
export async function createSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const { store, clock, rotationDays, log, checkMs = 60_000 } = options;
  const listeners = new Set<() => void>();
  let loaded: LoadedKey[] = [];
  let announcedOrder = '';

  /** Keys that may sign, newest first; then those still to come; expired ones left out. */
  function ordered(): LoadedKey[] {
    const now = clock.now();
    const published = loaded.filter((key) => key.expires_at === null || key.expires_at > now);
    const active = published.filter((key) => key.active_from <= now).reverse();
    return [...active, ...published.filter((key) => key.active_from > now)];
  }

  async function load(): Promise<void> {
    const known = new Map(loaded.map((key) => [key.kid, key]));
    loaded = (await readKeys(store, clock.now())).map((row) => {
      const before = known.get(row.kid);
      return before ? { ...before, ...row } : parseKey(row);
    });
    tellChange();
  }

  function tellChange(): void {
    const order = ordered()
      .map((key) => key.kid)
      .join();
    if (order === announcedOrder) return;
    announcedOrder = order;
    for (const listener of listeners) listener();
  }

  async function makeGeneration(from: number, leadMs: number): Promise<void> {
    const keys = await generateKeys();
    const isOurs = await store.transaction(async (transaction) => {
      if (!(await claimGeneration(transaction, from))) return false;
      const now = clock.now();
      await retireKeys(transaction, now, now + leadMs + retentionMs);
      await insertKeys(transaction, keys, { createdAt: now, activeFrom: now + leadMs });
      transaction.announce({ topic: 'keys', key: keys.map((key) => key.kid).join() });
      return true;
    });
    if (isOurs)
      log.info({ kids: keys.map((key) => key.kid), leadSeconds: leadMs / 1000 }, 'new signing keys were made');
    await load();
  }

  async function rotateByAge(): Promise<void> {
    const generation = await readGeneration(store);
    await load();
    const newest = Math.max(0, ...loaded.map((key) => key.created_at));
    if (clock.now() - newest >= rotationDays * dayMs) await makeGeneration(generation, defaultLeadSeconds * 1000);
  }

  if ((await readGeneration(store)) === 0) await makeGeneration(0, 0);
  else await rotateByAge();

  const loadAnew = (): void =>
    void load().catch((error: unknown) => log.error({ err: error }, 'reading the signing keys failed'));
  const stops = [store.onChange('keys', loadAnew), store.onGap(loadAnew)];
  const ageing = every(checkMs, rotateByAge, { log, complaint: 'rotating the signing keys failed', jitter: 0.1 });

  return {
    publicJwks: () => ({ keys: ordered().map((key) => publicHalf(key.jwk)) }),
    providerJwks: () => ({ keys: ordered().map((key) => ({ ...key.jwk })) }),
    async signAssertion(claims, lifetimeSeconds) {
      const key = ordered().find(({ algorithm }) => algorithm === 'ES256');
      if (!key) throw knotError('KNOT_KEYS_NONE', 500, 'There is no signing key.');
      return signCompact(key, claims, lifetimeSeconds, clock.now());
    },
    async rotate(leadSeconds = defaultLeadSeconds) {
      await makeGeneration(await readGeneration(store), leadSeconds * 1000);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      for (const stop of stops) stop();
      await ageing.stop();
    },
  };
}

function parseKey(row: SigningKeyRow): LoadedKey {
  try {
    const jwk = JSON.parse(row.private_jwk) as JsonWebKey;
    return { ...row, jwk, keyObject: createPrivateKey({ key: jwk, format: 'jwk' }) };
  } catch {
    // The cause is left out: a parser's message may quote the key.
    throw knotError('KNOT_KEYS_UNREADABLE', 500, `The stored signing key ${row.kid} cannot be read.`, {
      remedy: 'Restore the database from a backup. Deleting the row makes its tokens invalid.',
    });
  }
}

/** JWS compact serialisation (RFC 7515); ES256 is the plain concatenation r‖s (RFC 7518 section 3.4). */
function signCompact(key: LoadedKey, claims: Record<string, unknown>, lifetimeSeconds: number, nowMs: number): string {
  const issuedAt = Math.floor(nowMs / 1000);
  const header = encode({ alg: 'ES256', kid: key.kid, typ: 'JWT' });
  const payload = encode({ ...claims, iat: issuedAt, exp: issuedAt + lifetimeSeconds });
  const content = `${header}.${payload}`;
  const signature = sign('sha256', Buffer.from(content), { key: key.keyObject, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
