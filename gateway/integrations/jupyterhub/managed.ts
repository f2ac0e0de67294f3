import { mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:net';
import { join, relative } from 'node:path';
import { newSecret } from '../../lib/index.ts';
import type { Child, Installed } from '../../process/index.ts';
import type { Integration } from '../integration.ts';
import { openAreasSocket, type PersonsFiles } from './areas-socket.ts';
import { hubChild, proxyChild } from './children.ts';
import { createHubApi } from './hub-api.ts';
import { hubConfig } from './hub-config.ts';
import { writePages } from './hub-pages.ts';
import { beginRun, keepRun } from './hub-run.ts';
import { describeIdentity } from './identity.ts';
import { findInstallation } from './install.ts';
import { findDeepDamage } from './damage.ts';
import { type DamageOf, findWhole, installWithRetry } from './install-with-retry.ts';
import { describeIsolation, type Isolation, provideIsolation } from './isolation.ts';
import type { JupyterHubOptions } from './hub-options.ts';
import { launchFolderOf, writeLaunch } from './launch.ts';
import { keepSecret } from '../secret-file.ts';
import { openMounts } from './mounts.ts';
import { peopleOf } from './people.ts';
import { openToPeople } from './venv-files.ts';
import { describeHealth, describeTile, type HubStatus } from './status.ts';
import { createSteps } from './steps.ts';
import { createWays } from './ways.ts';

type ManagedOptions = JupyterHubOptions & { folder: string; clientSecret: string };

/** A hub that Knot installs into the data folder and runs: installation, configuration, and its two processes. */
export async function createManagedHub(options: ManagedOptions): Promise<Integration> {
  const { publicAddress, folder, clientSecret, supervisor, clock } = options;
  const log = options.log.child({ integration: 'jupyterhub' });
  const searchPath = options.searchPath ?? process.env['PATH'] ?? '';
  const venvFolder = options.venvFolder ?? join(folder, 'venv');
  const isShared = relative(folder, venvFolder).startsWith('..');
  // Known from the start and kept while the gateway runs: the route leads here before the hub is up.
  const hubRun = await beginRun(folder, supervisor.wasHandedOver('jupyterhub'));
  const { ports, authToken, run } = hubRun;
  const identity = describeIdentity({
    publicAddress,
    title: options.config.title,
    clientSecret,
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port: ports.public, allowLoopback: true },
  });
  const configFile = configFileIn(folder);
  const stopTokenFile = join(folder, 'stop-token');
  const stopToken = () => keepSecret(stopTokenFile, newSecret);
  const api = createHubApi({
    ...{ title: options.config.title, token: stopToken },
    // Past the proxy: what stops a server does not wait for it.
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port: ports.hub, allowLoopback: true },
  });
  const mounts = openMounts(folder, log);
  const { wayOut } = options;
  const ways = createWays({ folder, hubPort: ports.hub, wayOut, log });
  const listeners = new Set<() => void>();
  const abort = new AbortController();
  let status: HubStatus = {
    phase: 'installing',
    step: 'waiting',
    message: 'Waiting to start',
    progress: 0,
    stepStartedAt: clock.now(),
  };
  let isolation: Isolation | undefined;
  let children: { proxy: Child; hub: Child } | undefined;
  let work: Promise<void> | undefined;
  let areasSocket: Server | undefined;

  /** Asked after every wait: what is stopped starts nothing. */
  const isStopped = () => abort.signal.aborted;

  const steps = createSteps();
  const change = (next: HubStatus) => {
    status = next;
    steps.note(describeTile(next, clock.now()));
    for (const listener of listeners) listener();
  };

  const installing = {
    supervisor,
    venvFolder,
    isShared,
    searchPath,
    signal: abort.signal,
    clock,
    log,
    onChange: change,
  };

  const prepare = async () => {
    const present = await findWhole({ venvFolder, log });
    if (isStopped()) return;
    if (hubRun.isContinued && present) supervisor.takeOver('jupyterhub');
    if ((await supervisor.endEarlierRun()) > 0 && hubRun.isContinued && !present)
      log.warn({}, 'the notebook servers that were running are ended: their Python environment is made anew');
    const installed = present ?? (await installWithRetry(installing));
    if (isStopped() || !installed.isInstalled) return;
    change({
      phase: 'installing',
      step: 'start',
      message: 'Starting JupyterHub',
      progress: 0.93,
      stepStartedAt: clock.now(),
    });
    isolation = await provideIsolation({
      config: options.config,
      supervisor,
      venvFolder,
      searchPath,
      signal: abort.signal,
      ...(options.findSandbox && { find: options.findSandbox }),
    });
    if (isStopped()) return;
    tell(isolation);
    const { sandbox } = isolation;
    if (sandbox.isAvailable && sandbox.confinement === 'account') await openToPeople(venvFolder);
    if (isStopped()) return;
    const isAsBefore = writeConfiguration(installed, isolation);
    const { filesOf } = options;
    const onStart = async (username: string, files: PersonsFiles | undefined): Promise<boolean> => {
      if (filesOf) mounts.note(username, files?.teams.map(({ name }) => name) ?? []);
      return ways.open(username);
    };
    areasSocket = await openAreasSocket({ launchFolder: launchFolderOf(folder), filesOf, onStart, log });
    if (isStopped()) return void areasSocket?.close();
    await startChildren(installed, isAsBefore);
  };

  const tell = (found: Isolation) => {
    const { status: word, message, remedy } = describeIsolation(found);
    if (found.sandbox.isAvailable && options.config.isolation === 'trusted-users') {
      log.warn(
        {},
        'you SHOULD take integrations.jupyterhub.isolation: trusted-users out, because there is a sandbox now, and without it notebook users would own the gateway',
      );
    }
    if (word === 'ok') return;
    const { sandbox } = found;
    log.warn({ remedy, ...(!sandbox.isAvailable && { said: sandbox.said }) }, message);
  };

  const writeConfiguration = (installed: Installed, found: Isolation): boolean => {
    keepRun(folder, hubRun);
    const clientSecretFile = join(folder, 'hub/client-secret');
    mkdirSync(join(folder, 'hub'), { recursive: true, mode: 0o700 });
    // Written anew each time: it may come from the operator's configuration.
    writeFileSync(clientSecretFile, `${clientSecret}\n`, { mode: 0o600 });
    keepSecret(join(folder, 'cookie-secret'), () => randomBytes(32).toString('hex'));
    stopToken();
    const { accounts } = options.config;
    const { sandbox } = found;
    const home = `${publicAddress.origin}/`;
    const { dataFolder } = options;
    const asksForFiles = options.filesOf !== undefined;
    const isAsBefore = writeLaunch(
      {
        ...{ ...installed, sandbox, accounts, folder, dataFolder, venvFolder, asksForFiles },
        hubPort: ports.hub,
        hasWayOut: wayOut !== undefined,
      },
      home,
    );
    writePages(folder, { home, title: options.config.title });
    const isRoot = process.getuid?.() === 0;
    const facts = {
      folder,
      ports,
      publicAddress,
      listenAddress: options.listenAddress,
      caFile: options.caFile,
      clientSecretFile,
      stopTokenFile,
    };
    writeFileSync(configFile, hubConfig({ ...facts, python: installed.python, isRoot, isolation: found }), {
      mode: 0o600,
    });
    return isAsBefore;
  };

  const startChildren = async (installed: Installed, isAsBefore: boolean) => {
    const cwd = join(folder, 'hub');
    const proxy = supervisor.supervise(proxyChild({ ports, authToken, cwd }));
    const hub = supervisor.supervise(
      hubChild({ ports, authToken, cwd, python: installed.python, venvFolder, configFile, run }),
    );
    children = { proxy, hub };
    const people = peopleOf(hub);
    if (people.length > 0 && isAsBefore) log.info({ people }, 'notebook servers went on during the restart');
    if (people.length > 0 && !isAsBefore) {
      // Whoever started them had another sandbox, other accounts or other folders in mind.
      log.warn({ people }, 'the notebook servers that were running are ended: servers are started in another way now');
      await hub.stop();
    } else {
      // They go on with what an earlier run opened for them, which ended with it.
      await Promise.all(people.map((username) => ways.open(username)));
    }
    const startedAt = clock.now();
    let repair: 'not-needed' | 'under-way' | 'done' = 'not-needed';
    const update = () => {
      if (repair === 'under-way') return;
      change({ phase: 'running', proxy: proxy.state(), hub: hub.state(), since: startedAt });
      if (repair !== 'not-needed' || hub.state().status !== 'failed') return;
      repair = 'done';
      work = repairOnce().catch((error: unknown) => log.error({ err: error }, 'the repair of JupyterHub failed'));
    };
    /** A hub that ends again and again may have lost parts of what it runs on: looked at once, mended once. */
    const repairOnce = async () => {
      const damageOf: DamageOf = ({ packages = [] }) =>
        findDeepDamage({ supervisor, venvFolder, packages, cwd, signal: abort.signal });
      if (await findWhole({ venvFolder, log, damageOf })) return;
      if (isStopped()) return;
      repair = 'under-way';
      await hub.stop();
      await proxy.stop();
      const result = await installWithRetry({ ...installing, damageOf });
      repair = 'done';
      if (isStopped() || !result.isInstalled) return;
      await startBoth();
    };
    const startBoth = async () => {
      if (isStopped()) return;
      proxy.start();
      // The hub ends at once when it cannot reach its proxy.
      await untilRunning(proxy, abort.signal);
      if (!isStopped()) hub.start();
    };
    proxy.onChange(update);
    hub.onChange(update);
    await startBoth();
  };

  return {
    ...identity,
    isManaged: true,
    start() {
      if (isStopped()) return;
      work ??= prepare().catch((error: unknown) => {
        log.error({ err: error }, 'the notebooks integration could not be started');
        change({
          phase: 'blocked',
          problem: {
            kind: 'other',
            message: 'JupyterHub could not be prepared.',
            remedy:
              'The log of the gateway says why. Check that the data folder can be written, then start Knot again.',
          },
        });
      });
    },
    async stop({ handsOver = false } = {}) {
      abort.abort();
      areasSocket?.close();
      ways.close();
      await api.close();
      // Nothing of it is asked to end: the supervisor knows what stays.
      if (handsOver) return work;
      // First the hub, which ends the notebook servers in good order and tells its proxy.
      await children?.hub.stop();
      await children?.proxy.stop();
      await work;
    },
    tile() {
      const known = steps.list();
      return { ...describeTile(status, clock.now()), ...(known.length > 0 && { steps: known }) };
    },
    health: () => describeHealth(status, isolation, children ? peopleOf(children.hub) : []),
    sharesNetwork: () => isolation?.sandbox.isAvailable === false,
    people: () => (children ? peopleOf(children.hub) : []),
    stopOf: api.stopServer,
    teamsOf: (username) => mounts.of(username),
    endsOnRestart() {
      if (process.platform !== 'linux') return 'this system has no /proc, so running servers cannot be found again';
      if (findInstallation(venvFolder) === undefined) return 'their Python environment has to be made anew';
      return undefined;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    settings: () => managedSettings(folder),
  };
}

const configFileIn = (folder: string): string => join(folder, 'hub/jupyterhub_config.py');

/** What an operator is told instead of something to paste. */
export function managedSettings(folder: string): string {
  const file = configFileIn(folder);
  return `# Knot runs this hub itself; there is nothing to paste. It is configured by\n# ${file}\n# which is written anew at each start.\n`;
}

function untilRunning(child: Child, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = child.onChange(() => child.state().status === 'running' && resolve());
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  if (child.state().status === 'running') resolve();
  return promise.finally(forget);
}
