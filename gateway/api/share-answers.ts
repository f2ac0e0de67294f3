import { partyWords, type Share as OwnShare, type ShareUse } from '../shares/index.ts';
import type { Needs } from './context.ts';
import type { EndedShare, Share } from './contract.ts';

/** What is told of each share, whatever it is of. */
export function shareFacts(
  { id, party, createdBy, createdAt, expiresAt, bindsBrowser }: OwnShare,
  uses: readonly ShareUse[],
): Pick<Share, 'id' | 'with' | 'createdBy' | 'createdAt' | 'expiresAt' | 'bindsBrowser' | 'uses'> {
  return { id, with: partyWords(party), createdBy, createdAt, expiresAt, bindsBrowser, uses: [...uses] };
}

/** Who used one, last first. */
export const usesOfOne = async ({ shares }: Needs<'shares'>, share: OwnShare): Promise<ShareUse[]> =>
  (await shares.usesOf([share])).get(share.id) ?? [];

/** What a guest is sent; nothing for the share of somebody who has an account. */
export const linkWith = ({ publicAddress }: Needs<'publicAddress'>, secret: string | undefined): { url?: string } =>
  secret === undefined ? {} : { url: `${publicAddress.origin}/s/${secret}` };

/** How the end of a share is taken back; a link cannot come back. */
export const undoOfEnd = ({ id, party }: OwnShare): EndedShare =>
  party.kind === 'guest' ? {} : { undo: { share: id } };
