import { knotError, type ShareRight } from '../lib/index.ts';
import type { NewShare, ShareParty } from './share.ts';

const rightsOf: Readonly<Record<'files' | 'service', readonly ShareRight[]>> = {
  files: ['view', 'edit', 'upload'],
  service: ['view', 'open'],
};
/** A link works for whoever has it, so it gives less. */
const rightsOfGuests: readonly ShareRight[] = ['view', 'open', 'upload'];
const mostGuestDays = 90;
const mostDays = 3_660;
const longestPath = 4_096;

/** @throws KNOT_SHARES_RIGHT, KNOT_SHARES_PATH, KNOT_SHARES_DAYS, KNOT_SHARES_SELF */
export function checkNewShare({ thing, owner, party, right, days }: NewShare): void {
  const isGuest = party.kind === 'guest';
  const rights = rightsOf[thing.kind].filter((one) => !isGuest || rightsOfGuests.includes(one));
  if (!rights.includes(right)) {
    throw refused('KNOT_SHARES_RIGHT', 'right', `${isGuest ? 'A guest' : 'This'} can be given ${rights.join(' or ')}.`);
  }
  if (!isCanonical(thing.path) || (thing.kind === 'service' && thing.path !== '')) {
    throw refused('KNOT_SHARES_PATH', 'path', 'The path is not one of a file or folder.');
  }
  checkDays(party, days);
  if (!isGuest && party.id === owner.id) {
    throw refused('KNOT_SHARES_SELF', 'with', 'It is theirs already.');
  }
}

/** `days`: undefined for a share without an end. @throws KNOT_SHARES_DAYS */
export function checkDays(party: ShareParty, days: number | undefined): void {
  const isGuest = party.kind === 'guest';
  const most = isGuest ? mostGuestDays : mostDays;
  const isRightTime = days === undefined ? !isGuest : Number.isFinite(days) && days > 0 && days <= most;
  if (!isRightTime) {
    throw refused(
      'KNOT_SHARES_DAYS',
      'days',
      `A share with ${isGuest ? 'guests' : 'people'} lasts for up to ${most} days.`,
    );
  }
}

function isCanonical(path: string): boolean {
  if (path === '') return true;
  if (path.length > longestPath || path.includes('\0')) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function refused(code: `KNOT_${string}`, field: string, message: string) {
  return knotError(code, 400, message, { details: { problems: [{ field, message }] } });
}
