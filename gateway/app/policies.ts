import { version } from './version.ts';
import type { Audit } from '../audit/index.ts';
import type { Config } from '../config/index.ts';
import type { AuditEntry, Clock, Log } from '../lib/index.ts';
import { createPolicy, type Policy, type PolicyReload, type VerifiedSets } from '../policy/index.ts';
import { readSetting, type Store, writeSetting } from '../store/index.ts';

/** The policies of the running gateway: the folder is followed, and what is made of each change is recorded. */
export async function followPolicies(
  config: Config,
  parts: { audit: Audit; store: Store; clock: Clock; log: Log },
): Promise<Policy> {
  const { audit, store, clock, log } = parts;
  const recordReload = (reload: PolicyReload): void => {
    audit
      .append(policyEntry(reload))
      .catch((error: unknown) => log.error({ err: error }, 'a policy change could not be recorded'));
  };
  return createPolicy({ folder: config.policies, clock, log, watch: true, recordReload, verified: verifiedIn(store) });
}

/** One setting, bound to the version of Knot and with it to the engine's. */
function verifiedIn(store: Store): VerifiedSets {
  const key = 'policy.verified';
  return {
    async find() {
      const value = await readSetting(store.db, key);
      const [keptVersion, hash, cases, set, since] = value?.split(' ') ?? [];
      if (keptVersion !== version || hash === undefined || set === undefined) return undefined;
      return { hash, casesPassed: Number(cases), version: set, inForceSince: Number(since) };
    },
    async keep({ hash, casesPassed, version: set, inForceSince }) {
      await writeSetting(store.db, key, [version, hash, casesPassed, set, inForceSince].join(' '));
    },
  };
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
