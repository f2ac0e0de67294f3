import { knotError } from '../lib/index.ts';
import type { ShareParty } from '../shares/index.ts';
import type { Needs } from './context.ts';

/** With whom something is shared, from the words of a request: `user:NAME`, `team:NAME`, `guest`. @throws KNOT_API_NO_PARTY */
export function createParties({ owners }: Needs<'owners'>): (whom: string) => Promise<ShareParty> {
  return async (whom) => {
    if (whom === 'guest') return { kind: 'guest' };
    const [, kind, name = ''] = /^(user|team):(.*)$/.exec(whom) ?? [];
    const owner = kind === undefined ? undefined : await owners.find(name);
    if (owner && owner.kind === kind) return { kind: owner.kind, id: owner.id, name: owner.name };
    const message = 'There is no such person or team.';
    throw knotError('KNOT_API_NO_PARTY', 400, message, {
      remedy: 'Write user:NAME, team:NAME or guest.',
      details: { problems: [{ field: 'with', message }] },
    });
  };
}
