import { fieldLines } from './http-fields.ts';

/** Fields that are the same for many requests, in both forms they are sent in. */
export type FieldBlock = {
  /** Alternating lower-case names and values. */
  readonly fields: readonly string[];
  /** The same as lines of HTTP/1. */
  readonly text: string;
};

export function fieldBlock(fields: readonly string[]): FieldBlock {
  // Through bytes and back: in one piece, where a sum of strings would be put together again for every request.
  return { fields, text: Buffer.from(fieldLines(fields), 'latin1').toString('latin1') };
}
