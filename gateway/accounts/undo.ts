import { type KnotError, knotError, type UserState } from '../lib/index.ts';
import type { Row } from '../store/index.ts';

/**
 * Taking an act back. Whoever acts is told in the answer what takes it back; `undoes` is the version the act left the person
 * at. Anything that happened to the person since has raised it, and the undo is then refused as a whole: it restores exactly
 * the state before its act, or nothing (the rule of `If-Match`, RFC 9110 section 13.1.1, against the lost update).
 * An act that takes away what does not come back, as disabling ends sessions, has no undo.
 */
export type UserUndo = { state: UserState; undoes: number } | { isAdmin: boolean; undoes: number };

/** @throws KNOT_ACCOUNTS_CHANGED when the person was changed since the act that is to be taken back */
export function requireUnchanged(row: Row<'users'>, undoes: number | undefined): void {
  if (undoes !== undefined && row.version !== undoes) throw changedMeanwhile(row.username);
}

function changedMeanwhile(username: string): KnotError {
  return knotError('KNOT_ACCOUNTS_CHANGED', 409, `${username} was changed by somebody else meanwhile.`, {
    remedy: 'Nothing was undone. Look at the present state and change it from there.',
    details: { problems: [{ field: 'undoes', message: 'is about an act that was followed by another' }] },
  });
}

/** What a change of state is called: by where it comes from as well, because refusing somebody is not disabling them. */
export function stateAct(from: UserState, to: UserState): string {
  if (to === 'disabled') return from === 'pending' ? 'user.refused' : 'user.disabled';
  return from === 'pending' ? 'user.approved' : 'user.enabled';
}

/** The name an act gets in the audit record; an undo is named after what it took back, which led from `to` to `from`. */
export const recordedAs = (act: string, isUndo: boolean): string => (isUndo ? `${act}.undone` : act);
