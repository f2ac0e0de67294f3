import type { ColumnType, Generated } from 'kysely';

/** The tables of shares, in the words of `tables.ts`. */

export type Flag = ColumnType<number, number, number>;

/** shares: whom owners let in. */
export type SharesTable = {
  id: string;
  kind: 'files' | 'service';
  /** Key of an area, or id of a service. */
  thing: string;
  path: string;
  /** One of the two. */
  owner_user_id: string | null;
  owner_team_id: string | null;
  /** One of the three: a person, a team, or the holder of a link, of whose secret the hash is kept. */
  with_user_id: string | null;
  with_team_id: string | null;
  secret_hash: string | null;
  binds_browser: Flag;
  browser_hash: string | null;
  access: 'view' | 'open' | 'edit' | 'upload';
  created_by: string;
  created_at: number;
  expires_at: number | null;
  /** When somebody came by it for the first time. */
  opened_at: number | null;
  /** Kept for a while after its end, so that who still has the link is told what happened; a share that ended gives no right. */
  ended_at: number | null;
  /** `expired`, `revoked`, or why else. */
  ended_why: string | null;
  /** Username; null when it ended by itself. */
  ended_by: string | null;
  /** What stood there when it was last looked at; null before that. */
  mark: string | null;
};

/** shares: who used one, and when first and last. */
export type ShareUsesTable = {
  share_id: string;
  /** Id of the person, or `guest:` and what tells one browser from another. */
  who: string;
  name: string;
  first_at: number;
  last_at: number;
  last_from: string;
  /** How often; what happens within a minute is one. */
  times: Generated<number>;
};

/** shares: guests on the hosts of services; a code that takes one there becomes a session. */
export type GuestVisitsTable = {
  /** Of the code, then of the session. */
  secret_hash: string;
  share_id: string;
  host: string;
  /** What tells one browser from another. */
  browser: string;
  /** Until when the code can be shown; null for a session. */
  code_until: number | null;
  started_at: number;
};
