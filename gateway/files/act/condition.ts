import type { BigIntStats } from 'node:fs';
import { knotError } from '../../lib/index.ts';
import { notAFile, taken } from '../walk/errors.ts';
import { etagOf } from '../walk/entry.ts';

/**
 * What may stand at a target before it is written: `ifMatch`, one of these versions (RFC 9110 section 13.1.1; `*` is any);
 * `isNew`, nothing at all. Always conditions of the target, also when something is moved onto it. `keepsBoth`: what is there stays,
 * and what is written gets the next free name.
 */
export type Condition = { ifMatch?: readonly string[] | undefined; isNew?: boolean; keepsBoth?: boolean };

/** @throws KNOT_FILES_CHANGED (412), KNOT_FILES_TAKEN, KNOT_FILES_NOT_A_FILE */
export function checkCondition(there: BigIntStats | undefined, { ifMatch, isNew, keepsBoth }: Condition): void {
  if (keepsBoth) return;
  if (isNew && there !== undefined) throw taken();
  // A link is not replaced by a file, and a pipe is not written to.
  if (there !== undefined && !there.isFile()) throw notAFile();
  checkVersion(there, ifMatch);
}

/** @throws KNOT_FILES_CHANGED (412) for what is none of these versions, when some are named */
export function checkVersion(there: BigIntStats | undefined, ifMatch: readonly string[] | undefined): void {
  if (ifMatch === undefined) return;
  const isMatched = there !== undefined && (ifMatch.includes('*') || ifMatch.includes(etagOf(there)));
  if (!isMatched) {
    throw knotError('KNOT_FILES_CHANGED', 412, 'Somebody has changed or removed it meanwhile.', {
      remedy: 'Look at the present version, then decide which one to keep.',
      details: { etag: there === undefined ? null : etagOf(there) },
    });
  }
}
