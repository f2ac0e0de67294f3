/** What the bytes of a file say as text: guessed, and said to the reader. */

export type Encoding = {
  /** As people know it. */
  title: string;
  /** As `TextDecoder` knows it (WHATWG Encoding, section 4.2). */
  label: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
  /** A byte order mark stands before the text. */
  hasMark: boolean;
  /** Nothing in the file says so; the bytes only fit. */
  isGuess: boolean;
};

const marks = [
  { bytes: [0xef, 0xbb, 0xbf], label: 'utf-8', title: 'UTF-8' },
  { bytes: [0xff, 0xfe], label: 'utf-16le', title: 'UTF-16 (little endian)' },
  { bytes: [0xfe, 0xff], label: 'utf-16be', title: 'UTF-16 (big endian)' },
] as const;

/**
 * The encoding of a file that begins with these bytes, or undefined when they are not text. `isWhole` says that nothing follows: else a
 * character may be cut at the end.
 */
export function encodingOf(bytes: Uint8Array, isWhole: boolean): Encoding | undefined {
  for (const { bytes: mark, label, title } of marks) {
    if (mark.every((byte, index) => bytes[index] === byte)) return { title, label, hasMark: true, isGuess: false };
  }
  if (isBinary(bytes)) return undefined;
  if (isUtf8(bytes, isWhole)) return { title: 'UTF-8', label: 'utf-8', hasMark: false, isGuess: false };
  return { title: 'Windows-1252', label: 'windows-1252', hasMark: false, isGuess: true };
}

export function isUtf8(bytes: Uint8Array, isWhole: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !isWhole });
    return true;
  } catch {
    return false;
  }
}

/** Text has no NUL, and hardly any control character but tab, line ends, form feed and escape. */
function isBinary(bytes: Uint8Array): boolean {
  let strange = 0;
  for (const byte of bytes) {
    if (byte === 0) return true;
    if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) strange += 1;
  }
  return strange > bytes.length / 50;
}

/** Reads a file part by part; a character that a part cuts comes with the next one. */
export class TextReader {
  /** Bytes that are no text of this encoding came by, and stand as U+FFFD. */
  hasBroken = false;
  readonly #decoder: InstanceType<typeof TextDecoder>;
  readonly #strict: InstanceType<typeof TextDecoder> | undefined;

  constructor({ label }: Pick<Encoding, 'label'>) {
    this.#decoder = new TextDecoder(label);
    this.#strict = label === 'windows-1252' ? undefined : new TextDecoder(label, { fatal: true });
  }

  read(bytes: Uint8Array, isLast: boolean): string {
    if (!this.hasBroken && this.#strict) {
      try {
        this.#strict.decode(bytes, { stream: !isLast });
      } catch {
        this.hasBroken = true;
      }
    }
    return this.#decoder.decode(bytes, { stream: !isLast });
  }
}
