import { type KnotError, knotError } from '../lib/index.ts';
import { maximumPasswordBytes, normalise, type PasswordHasher } from './password-hash.ts';

/** What is known about the person whose password it is. */
export type PasswordOwner = { username: string; email: string };

export type PasswordRule = 'length' | 'too-long' | 'personal' | 'repeated' | 'sequential' | 'common' | 'present';

/**
 * NIST SP 800-63B section 3.1.1.2: a minimum length, a blocklist of common, breached and contextual values, and no rules
 * about kinds of characters. The list is the one of zxcvbn (49,233 entries, offline), loaded when first needed.
 * @throws KNOT_ACCOUNTS_PASSWORD_WEAK with `details.rule` naming the rule that failed
 */
export async function checkPassword(password: string, owner: PasswordOwner, minimumLength: number): Promise<void> {
  const text = normalise(password);
  const length = [...text].length;
  if (length < minimumLength) {
    throw weak('length', `The password is too short: ${length} of at least ${minimumLength} characters.`);
  }
  if (Buffer.byteLength(text) > maximumPasswordBytes) {
    throw weak('too-long', `The password is too long: at most ${maximumPasswordBytes} bytes.`);
  }
  const folded = text.toLowerCase();
  const name = personalPart(folded, owner);
  if (name !== undefined) throw weak('personal', `The password contains "${name}", which is part of your account.`);
  if (isRepetition(folded, minimumLength)) {
    throw weak('repeated', 'The password repeats the same few characters.');
  }
  if (isSequence(folded)) {
    throw weak('sequential', 'The password follows the alphabet, the digits or a row of the keyboard.');
  }
  if (isCommon(folded, await commonPasswords())) {
    throw weak(
      'common',
      'The password is on the list of common and breached passwords, or is one of them with a few characters added.',
    );
  }
}

/**
 * The same for somebody who has a password: the present one is no new one. Looked at last, because it costs a hash.
 * @throws KNOT_ACCOUNTS_PASSWORD_WEAK
 */
export async function checkNewPassword(
  password: string,
  owner: PasswordOwner & { password_hash: string | null },
  minimumLength: number,
  hasher: PasswordHasher,
): Promise<void> {
  await checkPassword(password, owner, minimumLength);
  if (owner.password_hash === null || !(await hasher.verify(password, owner.password_hash))) return;
  throw weak('present', 'This is the present password.', 'Choose one that is new.');
}

function weak(
  rule: PasswordRule,
  message: string,
  remedy = 'Several unrelated words are easy to remember and hard to guess.',
): KnotError {
  return knotError('KNOT_ACCOUNTS_PASSWORD_WEAK', 400, message, {
    remedy,
    details: { rule },
  });
}

/** Shorter parts are in too many ordinary words. */
const shortestPart = 3;

function personalPart(folded: string, { username, email }: PasswordOwner): string | undefined {
  const parts = [username, email.split('@')[0] ?? ''].map((part) => part.toLowerCase());
  return parts.find((part) => part.length >= shortestPart && folded.includes(part));
}

function isRepetition(folded: string, minimumLength: number): boolean {
  if (new Set(folded).size < 4) return true;
  // The classic test for a period: a text made of a repeated unit is found in itself doubled, before its end.
  const period = (folded + folded).indexOf(folded, 1);
  return period < folded.length && period < minimumLength;
}

const rows = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop[]',
  'qwertzuiop',
  'azertyuiop',
  "asdfghjkl;'",
  'zxcvbnm,./',
  '!@#$%^&*()_+',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
];
const sequences = [...rows, ...rows.map((row) => [...row].reverse().join(''))];

/** Made of runs of three and more from a sequence, with fewer than four characters that are not part of a run. */
function isSequence(folded: string): boolean {
  let loose = 0;
  for (let at = 0; at < folded.length && loose < 4;) {
    const run = longestRun(folded, at);
    if (run < 3) loose += 1;
    at += run < 3 ? 1 : run;
  }
  return loose < 4;
}

function longestRun(text: string, from: number): number {
  let run = 0;
  for (const sequence of sequences) {
    while (from + run < text.length && sequence.includes(text.slice(from, from + run + 1))) run += 1;
  }
  return run;
}

const substitutes: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** The list holds short ones; people reach the minimum length with a year or an exclamation mark, as guessing tools do. */
function isCommon(folded: string, common: ReadonlySet<string>): boolean {
  const core = folded.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  const plain = [...folded].map((character) => substitutes[character] ?? character).join('');
  const plainCore = [...core].map((character) => substitutes[character] ?? character).join('');
  if ([folded, plain].some((text) => common.has(text))) return true;
  return core.length * 2 >= folded.length && core.length >= 4 && (common.has(core) || common.has(plainCore));
}

let loading: Promise<ReadonlySet<string>> | undefined;

/** About 30 ms once: not at the start, and not for those who only sign in. */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loading ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'].map((entry) => entry.toLowerCase())),
  );
  return loading;
}
