import type { Audit } from '../audit/index.ts';
import type { Config } from '../config/index.ts';
import type { AuditEntry, Clock, Log } from '../lib/index.ts';
import { createPolicy, type Policy, type PolicyReload } from '../policy/index.ts';

/** The policies of the running gateway: the folder is followed, and what is made of each change is recorded. */
export async function followPolicies(config: Config, parts: { audit: Audit; clock: Clock; log: Log }): Promise<Policy> {
  const { audit, clock, log } = parts;
  const recordReload = (reload: PolicyReload): void => {
    audit
      .append(policyEntry(reload))
      .catch((error: unknown) => log.error({ err: error }, 'a policy change could not be recorded'));
  };
  return createPolicy({ folder: config.policies, clock, log, watch: true, recordReload });
}

function policyEntry({ outcome, ...detail }: PolicyReload): AuditEntry {
  return {
    action: outcome === 'loaded' ? 'policy.loaded' : 'policy.refused',
    actor: 'system',
    subject: 'policies',
    outcome: outcome === 'loaded' ? 'done' : 'refused',
    detail,
  };
}
