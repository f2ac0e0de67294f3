import type { GrantedClaim } from '../admission/index.ts';

/** How the claims on files are called in everybody's namespace. */
export const claimNames = {
  private: 'knot-private',
  shared: 'knot-shared',
  team: (name: string) => `knot-team-${name}`,
};

/** Where admission mounts a claim that `owner` (the name of a person or team) has. */
export function grantedClaim(claim: string, owner: string): GrantedClaim {
  if (claim === claimNames.private) return { claim, path: '/files/private', area: 'own' };
  if (claim === claimNames.shared) return { claim, path: '/files/shared', area: 'shared' };
  const team = claim.slice(claimNames.team('').length);
  return { claim, path: `/files/team/${team}`, area: team === owner ? 'own' : 'team' };
}
