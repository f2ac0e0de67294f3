import type { Integration } from '../integrations/index.ts';
import type { ComponentHealth } from '../lib/index.ts';
import { nodeHealth } from '../ops/index.ts';
import type { Policy } from '../policy/index.ts';
import type { Store } from '../store/index.ts';
import type { Certificates } from '../tls/index.ts';
import type { Watch } from './watch.ts';

/** The state of every part, in the order an operator would look. */
export function createHealth(parts: {
  store: Store;
  policy: Policy;
  certificates: Certificates;
  integrations: readonly Integration[];
  watch: Watch;
}): () => Promise<ComponentHealth[]> {
  const { store, policy, certificates, integrations, watch } = parts;
  return async () => [
    await storeHealth(store),
    policyHealth(policy),
    certificates.health(),
    ...integrations.flatMap((tool) => tool.health()),
    ...watch.health(),
    nodeHealth(),
  ];
}

function policyHealth(policy: Policy): ComponentHealth {
  const { isCurrent, problems, version } = policy.status();
  const name = 'policies';
  if (isCurrent) return { name, status: 'ok', message: `Set ${version} is in force.` };
  const [first] = problems;
  const where = first ? [first.file, first.line, first.column].filter(Boolean).join(':') : '';
  const why = first ? `${where}${where && ': '}${first.message}` : 'the folder cannot be read';
  return {
    name,
    status: 'failed',
    message: `The files are not in force: ${why}. The last good set (${version}) decides.`,
    remedy: 'Correct the file; it goes live by itself. `knot policy check` shows every problem.',
  };
}

async function storeHealth(store: Store): Promise<ComponentHealth> {
  const name = 'store';
  try {
    await store.ping();
    return { name, status: 'ok', message: store.kind === 'sqlite' ? 'SQLite answers.' : 'PostgreSQL answers.' };
  } catch {
    return { name, status: 'failed', message: 'The database does not answer.', remedy: 'See the log of the gateway.' };
  }
}
