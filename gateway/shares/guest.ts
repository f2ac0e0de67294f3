import type { Principal } from '../lib/index.ts';

/** Who holds the link of a share and has no account: the id is made of the share's, so that all they have ends with it. */
export function guestOf(share: { id: string }): Principal {
  return {
    id: `guest:${share.id}`,
    username: '',
    email: '',
    isAdmin: false,
    state: 'guest',
    teams: [],
    groups: [],
    version: 1,
  };
}
