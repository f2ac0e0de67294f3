import { delimiter, join } from 'node:path';
import type { Log } from '../lib/index.ts';
import {
  findSandbox,
  type Sandbox,
  sandboxIn,
  type SandboxSearch,
  shipSandbox,
  type Supervisor,
} from '../process/index.ts';

/**
 * The sandbox of this machine for what people launch. Where there is none, the one that comes with Knot: as it was installed for the
 * hub, or into an environment of its own, which takes place in the background; until then there is none.
 */
export function openSandbox(options: {
  dataFolder: string;
  /** An account programs are to be given, as root. */
  account: SandboxSearch['account'];
  supervisor: Supervisor;
  log: Log;
  /** Instead of this machine's. */
  find?: typeof findSandbox;
  ship?: typeof shipSandbox;
}): {
  sandbox: () => Promise<Sandbox>;
  /** The same once nothing is being installed any more, for who has the time. */
  settled: () => Promise<Sandbox>;
  close(): void;
} {
  const { dataFolder, account, supervisor, log, find = findSandbox, ship = shipSandbox } = options;
  const own = join(dataFolder, 'services', 'sandbox');
  const abort = new AbortController();
  let found: Promise<Sandbox> | undefined;
  let installing: Promise<void> | undefined;

  function search(): Promise<Sandbox> {
    const shipped = [join(dataFolder, 'jupyterhub', 'venv'), own].map(sandboxIn);
    return find({
      further: shipped.filter((path) => path !== undefined),
      ...(account && { account }),
    });
  }

  async function first(): Promise<Sandbox> {
    const sandbox = await search();
    if (sandbox.isAvailable || process.platform !== 'linux') return sandbox;
    installing = install();
    return { ...sandbox, reason: `${sandbox.reason}; the one that comes with Knot is being installed` };
  }

  async function install(): Promise<void> {
    const searchPath = ['/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
    const problem = await ship({ supervisor, venvFolder: own, searchPath, signal: abort.signal }).catch(
      (error: unknown) => ({ message: String(error), remedy: 'Install bubblewrap.' }),
    );
    // What was given up is no failure, and nothing is looked for any more.
    if (abort.signal.aborted) return;
    if (problem !== undefined) log.warn({ remedy: problem.remedy }, `no sandbox for services: ${problem.message}`);
    found = search();
  }

  const sandbox = (): Promise<Sandbox> => (found ??= first());
  return {
    sandbox,
    async settled() {
      await sandbox();
      await installing;
      return sandbox();
    },
    close: () => abort.abort(),
  };
}
