import { hashSecret } from '../lib/index.ts';
import type { NewRow } from '../store/index.ts';
import type { ShareRow } from './records.ts';
import type { Share, ShareParty } from './share.ts';

export function rowOf(share: Share, secret: string | undefined): NewRow<'shares'> {
  const { id, thing, owner, party, right, createdBy, createdAt, expiresAt, bindsBrowser, mark } = share;
  return {
    id,
    kind: thing.kind,
    thing: thing.id,
    path: thing.path,
    owner_user_id: owner.kind === 'user' ? owner.id : null,
    owner_team_id: owner.kind === 'team' ? owner.id : null,
    with_user_id: party.kind === 'user' ? party.id : null,
    with_team_id: party.kind === 'team' ? party.id : null,
    secret_hash: secret === undefined ? null : hashSecret(secret),
    binds_browser: bindsBrowser ? 1 : 0,
    browser_hash: null,
    access: right,
    created_by: createdBy,
    created_at: createdAt,
    expires_at: expiresAt,
    opened_at: null,
    ended_at: null,
    ended_why: null,
    ended_by: null,
    mark,
  };
}

export function shareOf(row: ShareRow): Share {
  const owner = row.owner_user_id ?? row.owner_team_id ?? '';
  const party: ShareParty =
    row.with_user_id !== null
      ? { kind: 'user', id: row.with_user_id, name: row.user_name ?? '' }
      : row.with_team_id !== null
        ? { kind: 'team', id: row.with_team_id, name: row.team_name ?? '' }
        : { kind: 'guest' };
  return {
    id: row.id,
    thing: { kind: row.kind, id: row.thing, path: row.path },
    owner: { kind: row.owner_user_id === null ? 'team' : 'user', id: owner },
    party,
    right: row.access,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    bindsBrowser: row.binds_browser === 1,
    mark: row.mark,
  };
}
