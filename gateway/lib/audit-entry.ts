/** One act worth remembering. Written by `audit`, described by whoever acts. */
export type AuditEntry = {
  /** Dotted verb: `session.started`, `signin.refused`, `user.approved`, `policy.loaded`, `session.ended`, … */
  action: string;
  /** Who did it: a username, `cli`, `system`, or `anonymous`. */
  actor: string;
  /** What it was done to: `user:ann`, `session:<id>`, `policies`, … */
  subject: string;
  outcome: 'done' | 'refused';
  /** Client address if a request caused it. */
  address?: string;
  /** Small, flat, free of secrets. */
  detail?: Record<string, string | number | boolean | null>;
};
