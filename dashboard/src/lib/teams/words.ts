/** What leaving a team, or taking somebody out of it, means. Pure. */
import type { Team } from '#lib/contract.ts';

/** Of a notebook server that was started while the person was in the team. */
export const notebookWords =
  'A notebook that is running keeps the folder of the team until its server is stopped; the next start is without it.';

export function leavingWords(
  { title, members }: Pick<Team, 'title' | 'members'>,
  { isLastManager, isAdmin }: { isLastManager: boolean; isAdmin: boolean },
): { lost: string; kept: string } {
  const back = isAdmin
    ? 'You can take yourself in again as an admin.'
    : 'Only a manager of the team or an admin can take you in again.';
  const open = `Its files and services; what you have open of them ends within seconds. ${back}`;
  return {
    lost: isLastManager ? `${open} ${lastManagerWords(title, members - 1)}` : open,
    kept: 'What you put into the team stays there; your own files stay yours.',
  };
}

/** `left`: how many are in the team afterwards. */
const lastManagerWords = (title: string, left: number): string =>
  left === 0
    ? `You are the last one in ${title}: its files stay, and an admin can take people in.`
    : `You are the last manager of ${title}: until an admin names another one, nobody can take people in or out.`;
