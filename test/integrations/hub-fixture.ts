import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PublicAddress, publicAddress } from '../../gateway/config/address.ts';
import { type JupyterHubOptions, openJupyterHub } from '../../gateway/integrations/index.ts';
import { type Log, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createSupervisor } from '../../gateway/process/index.ts';
import { eventually } from '../support/eventually.ts';
import { createVisitor } from './hub-visitor.ts';
import { startStubProvider } from './stub-provider.ts';
import { testCache } from '../support/process/test-cache.ts';

/** The installed environment is shared by all tests and runs: made once, in the cache of the tests. */
export const cachedVenv = join(testCache, 'jupyterhub-venv');

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'knot-integrations-'));
}

export async function createTestHub(options: {
  folder: string;
  config?: Partial<JupyterHubOptions['config']>;
  /** Whether and how a sandbox is found, instead of what this machine has. */
  findSandbox?: JupyterHubOptions['findSandbox'];
  providerPort?: number;
  caFile?: string;
  venvFolder?: string | undefined;
  searchPath?: string;
  log?: Log;
  wayOut?: JupyterHubOptions['wayOut'];
}) {
  const { folder, providerPort = 18443 } = options;
  const address: PublicAddress = publicAddress({ domain: 'localhost' }, providerPort);
  const supervisor = createSupervisor({
    clock: systemClock,
    log: silentLog,
    stateFolder: join(folder, 'run'),
    timing: { firstBackoffMs: 100, maxBackoffMs: 400, quickEndsUntilFailed: 3 },
  });
  const hub = await openJupyterHub({
    config: {
      mode: 'managed',
      title: 'Notebooks',
      isolation: 'required',
      accounts: { first: 40_000, count: 20_000 },
      network: { hosts: ['*'], internal: [] },
      ...options.config,
    },
    publicAddress: address,
    dataFolder: folder,
    caFile: options.caFile,
    supervisor,
    listenAddress: { host: '127.0.0.1', port: providerPort },
    clock: systemClock,
    log: options.log ?? silentLog,
    ...(options.venvFolder !== undefined && { venvFolder: options.venvFolder }),
    ...(options.searchPath !== undefined && { searchPath: options.searchPath }),
    ...(options.wayOut && { wayOut: options.wayOut }),
    ...(options.findSandbox && { findSandbox: options.findSandbox }),
  });
  return {
    hub,
    supervisor,
    async close() {
      await hub.stop();
      await supervisor.stopAll();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

type Hub = Awaited<ReturnType<typeof createTestHub>>['hub'];

/** Resolves once the tile of a hub is so. A first start installs its environment, of a hundred packages. */
export async function hubBecomes(hub: Hub, status: 'ready' | 'failed'): Promise<void> {
  await eventually(
    () => JSON.stringify(hub.tile()),
    () => hub.tile().status === status,
    600_000,
  );
}

/** A running hub with what its visitors need; ended with the test. `provider`: one that stays when the hub does not. */
export async function startHub(
  t: { teardown(work: () => unknown): unknown },
  options: Omit<Parameters<typeof createTestHub>[0], 'folder'> & {
    folder?: string;
    provider?: Awaited<ReturnType<typeof startStubProvider>>;
  },
) {
  const folder = options.folder ?? temporaryFolder();
  const provider = options.provider ?? (await startStubProvider(folder));
  if (options.provider === undefined) t.teardown(() => provider.close());
  const { hub, close } = await createTestHub({
    ...options,
    folder,
    providerPort: provider.port,
    caFile: provider.caFile,
    venvFolder: cachedVenv,
  });
  t.teardown(() => close());
  hub.start();
  await hubBecomes(hub, 'ready');
  const { port } = hub.route.upstream;
  const visit = (username: string, groups?: string) =>
    createVisitor({ port, origin: hub.url, username, ...(groups !== undefined && { groups }) });
  return { folder, hub, visit };
}

/** Words of a process, separated by NUL; empty when it is gone or not ours. */
export function readProcess(pid: string, name: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

/**
 * Finds the processes of the gateway on this folder: those that mention it, or carry a mark of its runs (read now, because the
 * folder may be gone when the question is asked).
 */
export function processFinder(folder: string): () => string[] {
  const record = JSON.parse(readFileSync(join(folder, 'run/processes.json'), 'utf8')) as { instances: string[] };
  const signs = [folder, ...record.instances];
  return () =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
      .filter((pid) => {
        const text = readProcess(pid, 'cmdline') + readProcess(pid, 'environ');
        return signs.some((sign) => text.includes(sign));
      });
}
