/** The tables of services, in the words of `tables.ts`. */

/** services: what runs for people and teams. Without an owner it is to be removed. */
export type ServicesTable = {
  id: string;
  name: string;
  owner_user_id: string | null;
  owner_team_id: string | null;
  owner_name: string;
  label: string;
  machine: string;
  wish: string;
  state: string;
  since: number;
  /** JSON. */
  cause: string | null;
  revision: number;
  /** JSON. */
  template: string;
  /** JSON. */
  service_values: string;
  created_by: string;
  created_at: number;
  /** By a person; written at most once a minute. */
  last_used_at: number | null;
  /** Somebody asked that it stays awake until then. */
  kept_until: number | null;
  /** JSON. */
  size: string | null;
  /** 1: an administrator began it, also where there is no sandbox. */
  may_lack_sandbox: number;
};

/** services: what one was made of from a revision on. */
export type ServiceRevisionsTable = {
  service_id: string;
  revision: number;
  /** `launched`, `changed`, `upgraded`, `rolled-back`. */
  act: string;
  /** JSON. */
  template: string;
  /** Of the template, and of its files; '' where it is read from `template`. */
  version: string;
  digest: string;
  /** JSON. */
  service_values: string;
  at: number;
  actor: string;
};

/** services: each step in the life of one. */
export type ServiceTransitionsTable = {
  id: string;
  service_id: string;
  at: number;
  state: string;
  actor: string;
  /** JSON. */
  cause: string | null;
};

/** services: what one used on a day (YYYY-MM-DD, UTC). */
export type ServiceUseTable = {
  owner_id: string;
  day: string;
  service_id: string;
  processor_ms: number;
  memory_mib_seconds: number;
};
