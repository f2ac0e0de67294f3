import { randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { createHashPlaces } from './hash-places.ts';
import { createHashThreads, type Derivation } from './hash-threads.ts';

/** OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane. Memory is in KiB. */
export const currentParameters: Argon2Parameters = { memory: 19_456, passes: 2, parallelism: 1 };

export type Argon2Parameters = Derivation['parameters'];

/** Longest password, in bytes of its normalised UTF-8 form: hashing must not be made expensive by length. */
export const maximumPasswordBytes = 1024;

/** Of those that are hashed at the same time; one processor is left to the event loop. */
const maximumRunning = Math.min(2, Math.max(1, availableParallelism() - 1));
const maximumWaiting = 64;
/** Of a stored hash we agree to check: 1 GiB, in KiB. */
const maximumMemory = 1_048_576;
const hashBytes = 32;
const saltBytes = 16;

export type PasswordHasher = {
  /** For a caller that has work to do before it asks for a hash. @throws KNOT_ACCOUNTS_BUSY when it would be refused now */
  expectRoom(): void;
  /** A PHC string with the current parameters. @throws KNOT_ACCOUNTS_BUSY */
  hash(password: string): Promise<string>;
  /**
   * Compares in constant time. Without a stored hash (no such person, no password chosen) the same work is done against a
   * hash nothing matches, so that the time tells nothing. @throws KNOT_ACCOUNTS_BUSY
   */
  verify(password: string, stored: string | undefined): Promise<boolean>;
  /** True when the hash was made with other parameters than today's. */
  isOutdated(stored: string): boolean;
};

/** Of the process, whose processors they share. */
const threads = createHashThreads(maximumRunning);

/** argon2id on threads of its own, never on the event loop, with a bound on how many wait for it. */
export function createPasswordHasher(parameters: Argon2Parameters = currentParameters): PasswordHasher {
  const places = createHashPlaces(maximumRunning + maximumWaiting, maximumRunning);
  const unmatchable = encode({ parameters, salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) });

  async function derive(password: string, { salt, parameters, length }: Wanted): Promise<Buffer> {
    const giveBack = places.take();
    try {
      const { hash, milliseconds } = await threads.derive({ password: normalise(password), salt, length, parameters });
      places.note(milliseconds);
      return hash;
    } finally {
      giveBack();
    }
  }

  return {
    expectRoom: places.expectRoom,
    async hash(password) {
      const salt = randomBytes(saltBytes);
      const hash = await derive(password, { salt, parameters, length: hashBytes });
      return encode({ parameters, salt, hash });
    },
    async verify(password, stored) {
      const known = stored === undefined ? undefined : decode(stored);
      const isShort = Buffer.byteLength(normalise(password)) <= maximumPasswordBytes;
      const target = known ?? decode(unmatchable)!;
      const wanted = { salt: target.salt, parameters: target.parameters, length: target.hash.length };
      const hash = await derive(isShort ? password : '', wanted);
      return timingSafeEqual(hash, target.hash) && known !== undefined && isShort;
    },
    isOutdated(stored) {
      const known = decode(stored)?.parameters;
      return (
        known?.memory !== parameters.memory ||
        known.passes !== parameters.passes ||
        known.parallelism !== parameters.parallelism
      );
    },
  };
}

/** NIST SP 800-63B section 3.1.1.2: the same password typed on two keyboards must give the same bytes. */
export function normalise(password: string): string {
  return password.normalize('NFC');
}

type Wanted = Omit<Derivation, 'password'>;

type Decoded = { parameters: Argon2Parameters; salt: Buffer; hash: Buffer };

const phc = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

/** PHC string format: https://github.com/P-H-C/phc-string-format, base64 without padding. */
function encode({ parameters: { memory, passes, parallelism }, salt, hash }: Decoded): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

/** A hash nobody could have made here, or that would take the machine down to check, counts as no hash. */
function decode(text: string): Decoded | undefined {
  const [, memory, passes, parallelism, salt, hash] = phc.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const isSane =
    isWithin(parameters.parallelism, 1, 16) &&
    isWithin(parameters.passes, 1, 100) &&
    isWithin(parameters.memory, 8 * parameters.parallelism, maximumMemory);
  if (!isSane) return undefined;
  return { parameters, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
