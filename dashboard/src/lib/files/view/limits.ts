/** What of a text is shown and may be changed, in numbers and in words. */
import { byteSize } from '#lib/words.ts';
import type { Encoding } from './encoding.ts';

/** Bytes. Larger texts are read, not changed: all of one is held by the page, drawn and sent at every save. */
export const mostToEdit = 2_000_000;

/** Why a text is only to be read by somebody who may write it. */
export function reasonToRead({ size, isUtf8 }: { size: number; isUtf8: boolean }): string | undefined {
  if (size > mostToEdit) return `Over ${byteSize(mostToEdit)}: to be changed in a notebook.`;
  return isUtf8 ? undefined : 'Only UTF-8 can be changed here.';
}

type Facts = { encoding: Encoding; lines: string; hasBroken: boolean; reason: string | undefined };

/** `UTF-8 · LF`, `Windows-1252 (guessed) · CRLF · Only UTF-8 can be changed here.` */
export function textFacts({ encoding: { title, isGuess }, lines, hasBroken, reason }: Facts): string {
  const broken = hasBroken && 'some bytes are no text and stand as \ufffd';
  return [isGuess ? `${title} (guessed)` : title, lines, broken, reason].filter(Boolean).join(' · ');
}
