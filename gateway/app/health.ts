import { mayShareSite } from '../config/index.ts';
import type { Files } from '../files/index.ts';
import type { Integration, ToolPlaces } from '../integrations/index.ts';
import { type ComponentHealth, within } from '../lib/index.ts';
import { nodeHealth } from '../ops/index.ts';
import type { Policy } from '../policy/index.ts';
import type { Services } from '../services/index.ts';
import type { DataFolderLock, Store } from '../store/index.ts';
import type { Certificates } from '../tls/index.ts';
import { type Reachable, reachHealth } from './reach.ts';
import type { Watch } from './watch.ts';

/** The state of every part, in the order an operator would look. */
export function createHealth(parts: {
  names: { domain: string; appsDomain?: string };
  folder: DataFolderLock;
  store: Store;
  policy: Policy;
  certificates: Certificates;
  files: Files | undefined;
  services: Services | undefined;
  cluster: { health(): ComponentHealth[] } | undefined;
  prometheus: { health(): ComponentHealth[] } | undefined;
  integrations: readonly Integration[];
  toolPlaces: Pick<ToolPlaces, 'health'>;
  watch: Watch;
  /** What notebooks without a sandbox can connect to past the gateway. */
  reach: readonly Reachable[] | undefined;
}): () => Promise<ComponentHealth[]> {
  const {
    names,
    folder,
    store,
    policy,
    certificates,
    files,
    services,
    cluster,
    prometheus,
    integrations,
    toolPlaces,
    watch,
    reach,
  } = parts;
  return async () => [
    await storeHealth(folder, store),
    policyHealth(policy),
    certificates.health(),
    ...siteHealth(names),
    ...(files ? [files.health()] : []),
    ...((await services?.health()) ?? []),
    ...(cluster?.health() ?? []),
    ...(prometheus?.health() ?? []),
    ...integrations.flatMap((tool) => tool.health()),
    ...toolPlaces.health(),
    ...reachHealth(reach, integrations),
    ...watch.health(),
    nodeHealth(),
  ];
}

/** A second name that is of no use looks like a protection. */
export function siteHealth({ domain, appsDomain }: { domain: string; appsDomain?: string }): ComponentHealth[] {
  if (appsDomain === undefined || !mayShareSite({ domain, appsDomain })) return [];
  return [
    {
      name: 'apps-domain',
      status: 'warning',
      message: `${appsDomain} and ${domain} may belong to one registered name. Then browsers take pages of services and Knot for one site, and pages of services can set cookies for Knot's host.`,
      remedy:
        'Set appsDomain to a name that is registered apart. If both are registered names below a public ending of two labels, such as co.uk, all is well.',
    },
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

const patienceMs = 2000;

async function storeHealth(folder: DataFolderLock, store: Store): Promise<ComponentHealth> {
  const name = 'store';
  try {
    const [, { isWritable }] = await within(patienceMs, Promise.all([folder.check(), store.ping()]), 'the database');
    if (!isWritable) {
      return {
        name,
        status: 'failed',
        message: 'The database answers, but cannot be written: nobody can sign in, and nothing is saved.',
        remedy: 'Name the server that takes writes in the database setting, or let this one take them again.',
      };
    }
    return { name, status: 'ok', message: store.kind === 'sqlite' ? 'SQLite answers.' : 'PostgreSQL answers.' };
  } catch (error) {
    if ((error as { code?: unknown }).code === 'KNOT_STORE_MOVED') {
      return {
        name,
        status: 'failed',
        message: 'The data folder was moved, replaced or deleted while Knot runs: nothing is saved.',
        remedy: 'Put it back where it was, or start Knot again.',
      };
    }
    return { name, status: 'failed', message: 'The database does not answer.', remedy: 'See the log of the gateway.' };
  }
}
