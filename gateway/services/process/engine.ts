import { chownSync, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type Clock, knotError, type Log, newSecret, type ProcessPlan } from '../../lib/index.ts';
import {
  type Account,
  type AccountBook,
  accountOf,
  type Child,
  giveFolder,
  type Groups,
  type Sandbox,
  shareFolder,
  type Supervisor,
  usagesBelow,
} from '../../process/index.ts';
import { socketUpstream } from '../../routes/index.ts';
import { causeOf, type Crossed } from '../causes.ts';
import type { Engine, Missing, Usage } from '../engine.ts';
import type { Service, Size } from '../service.ts';
import type { Shell } from '../shell.ts';
import type { Outputs } from '../output/outputs.ts';
import { outputOf } from '../output/pages.ts';
import { readInto, type ServiceReading } from '../output/reading.ts';
import { isBusy, measured } from '../busy.ts';
import { createBells } from './bells.ts';
import { createFullDisks } from './full-disks.ts';
import { createHomes } from './homes.ts';
import { identityFiles } from './identity.ts';
import { isInstalled } from './installed.ts';
import { isolationHealth, noSandbox, sandboxRemedy, withoutGroups } from './isolation-health.ts';
import { layoutIn } from './layout.ts';
import { markLife } from './life.ts';
import { type Bounds, boundsBefore, limit, type Limited, usualBounds } from './limits.ts';
import { type Neighbour, offersOf } from './offers.ts';
import type { Environment } from './packages/packages.ts';
import { createOwnersRoom, type OwnersRoom, type Room } from './owners-room.ts';
import { createShell } from './shell.ts';
import { answersAt } from './readiness.ts';
import { type FillIn, type OwnersFiles, sandboxedProgram } from './sandboxed.ts';
import { keepOnly, keepTemplate } from '../kept-templates.ts';
import { openWayOut, type ServiceOutbound } from './way-out.ts';

export type ProcessEngineOptions = {
  dataFolder: string;
  supervisor: Supervisor;
  /** Looked for once. */
  sandbox: () => Promise<Sandbox>;
  /** Without one, only what an administrator began runs here. */
  isSandboxRequired: boolean;
  /** Numbers of the accounts that owners' programs run under, where the sandbox can give them some. */
  accounts: AccountBook;
  /** Where the files of an owner are now; undefined for one who is no more. */
  filesOf(owner: Service['owner']): Promise<OwnersFiles | undefined>;
  originOf(label: string): string;
  /** The way out of services that may reach hosts; without it there is none. */
  outbound?: ServiceOutbound;
  fillIn: FillIn;
  /** Looked for once; without any, limits are those of single processes. */
  groups?: () => Promise<Groups | undefined>;
  bounds?: Partial<Bounds>;
  /** Bytes of a folder, counted in place of du(1). */
  bytesIn?(folder: string): Promise<number>;
  /** What bounds the files of owners; without it nothing does. */
  room?: OwnersRoom;
  clock: Clock;
  log: Log;
  /** Other services of an owner here. */
  neighbour?: Neighbour;
  outputs: Outputs;
};

type Running = {
  child: Child;
  revision: number;
  size: Size | undefined;
  limited: Limited | undefined;
  closeWayOut: (() => void) | undefined;
  /** What is started for a terminal beside it. */
  terminal(): ReturnType<typeof sandboxedProgram>;
  shells: Set<Shell>;
  /** What it wanted too much of when it ended last. */
  crossed?: Crossed | undefined;
  /** What it has too much of now: it is not to go on. */
  over?: Crossed | undefined;
  owner: Service['owner'];
  room?: Room | undefined;
};

const quickEndsUntilGone = 3;
const looksAtOnce = 20;

/** An engine of programs alone: whoever starts one hands over the packages that it needs, which are there. */
export type ProgramEngine = Omit<Engine, 'start'> & {
  start(service: Service, environment?: Environment): Promise<void>;
};

/** Services as programs of this machine: each in a sandbox with a network of its own, reached over a Unix socket by the gateway alone. */
export function createProcessEngine(options: ProcessEngineOptions): ProgramEngine {
  const { dataFolder, supervisor, accounts, filesOf, originOf, outbound, fillIn, outputs, clock, log } = options;
  const { isSandboxRequired } = options;
  const bounds = { ...usualBounds, ...options.bounds };
  let groups: Promise<Groups | undefined> | undefined;
  const groupsOnce = () => (groups ??= options.groups?.() ?? Promise.resolve(undefined));
  const layout = layoutIn(dataFolder);
  const { bytesIn, room } = options;
  const fullDisks = createFullDisks<Running>({
    homes: createHomes({ root: dataFolder, homeOf: layout.home, mostBytes: bounds.disk, clock, bytesIn }),
    ownersRoom: room && createOwnersRoom({ room, clock }),
    giveUp,
    log,
  });
  const running = new Map<string, Running>();
  const ending = new Map<string, Promise<void>>();
  const listeners = new Set<(serviceId: string) => void>();
  const tell = (id: string): void => {
    for (const listener of listeners) listener(id);
  };
  const bells = createBells({ log });

  const accountFor = async ({ name }: Service['owner'], sandbox: Sandbox): Promise<Account | undefined> =>
    sandbox.isAvailable && sandbox.confinement === 'account' ? accountOf(accounts, name) : undefined;

  async function prepare(
    { id, owner }: Service,
    sandbox: Sandbox,
  ): Promise<{ files: OwnersFiles; account: Account | undefined }> {
    const files = await filesOf(owner);
    if (files === undefined) throw knotError('KNOT_SERVICES_NO_OWNER', 409, 'The owner of the service is gone.');
    const account = await accountFor(owner, sandbox);
    const home = layout.home(id);
    const run = layout.run(id);
    for (const folder of [layout.root, join(layout.root, 'home'), join(layout.root, 'run'), home, run])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    rmSync(layout.socket(id), { force: true });
    if (account !== undefined) {
      chownSync(run, account.uid, account.gid);
      giveFolder(home, account);
      if (files.private !== undefined) giveFolder(files.private, account);
      for (const folder of [files.shared, ...files.teams.map((team) => team.folder)]) shareFolder(folder, account);
    }
    return { files, account };
  }

  async function launch(service: Service, environment: Environment | undefined): Promise<void> {
    const sandbox = await options.sandbox();
    if (!sandbox.isAvailable && isSandboxRequired && !service.mayLackSandbox)
      throw knotError('KNOT_SERVICES_NO_SANDBOX', 503, noSandbox(sandbox.reason), { remedy: sandboxRemedy });
    const { files, account } = await prepare(service, sandbox);
    const { id, revision, template, size } = service;
    const { ready, startSeconds } = template.plan;
    bells.makeWay(id);
    const origin = originOf(service.label);
    const shown = [
      ...identityFiles(layout.identity, { name: service.owner.name, account }),
      ...(await offersOf(service, { layout, account, neighbour: options.neighbour })),
    ];
    const output = readInto(await outputs.of(id));
    const port = await portOf(template.plan, sandbox);
    const limited = await limit(await groupsOnce(), layout.short(id), size, bounds);
    let closeWayOut: (() => void) | undefined;
    try {
      if (sandbox.isAvailable && outbound?.isOpenTo(service) === true) {
        const onRefused = (sentence: string): void => output.mark(sentence);
        closeWayOut = await openWayOut(outbound, { service, socket: layout.out(id), account, onRefused });
      }
      const sandboxed = {
        ...{ service, sandbox, layout, dataFolder, files, account, origin, fillIn },
        ...{ environment, shown, port },
        secret: newSecret(),
        hasWayOut: closeWayOut !== undefined,
        bounds: boundsBefore(bounds, limited === undefined ? size?.memory : undefined),
        scratchBytes: limited === undefined && size !== undefined ? Math.floor(size.memory / 8) : undefined,
        waits: limited !== undefined,
      };
      const child = supervisor.supervise({
        name: `service-${id}-${revision}`,
        ...sandboxedProgram(sandboxed),
        cwd: '/',
        isSandboxed: sandbox.isAvailable,
        isReady: () => answersAt(layout.socket(id), ready),
        readyTimeoutMs: startSeconds * 1000,
        quickEndsUntilFailed: quickEndsUntilGone,
        output,
        ...(limited && { admit: limited.group.admit }),
      });
      const terminal = () => sandboxedProgram({ ...sandboxed, isTerminal: true });
      const { owner } = service;
      begin(id, { child, revision, owner, size, limited, closeWayOut, terminal, shells: new Set() }, output);
    } catch (error) {
      bells.drop(id);
      closeWayOut?.();
      await limited?.group.end();
      throw error;
    }
  }

  function begin(id: string, entry: Running, output: ServiceReading): void {
    const { child, limited } = entry;
    running.set(id, entry);
    markLife(child, output);
    child.onChange(() => {
      const { status } = child.state();
      if (status === 'running') bells.join(id);
      if (status === 'failed') bells.drop(id);
      // Read when it ended, before the next one is begun.
      if (status === 'waiting' || status === 'failed') entry.crossed = limited?.crossed(clock.now());
      tell(id);
    });
    child.start();
  }

  async function end(id: string): Promise<void> {
    const found = running.get(id);
    if (found === undefined) return ending.get(id);
    running.delete(id);
    bells.drop(id);
    const release = async (): Promise<void> => {
      await Promise.all([...found.shells].map((shell) => shell.end()));
      await supervisor.release(found.child);
      await found.limited?.group.end();
    };
    const ended = release().finally(() => {
      ending.delete(id);
      rmSync(layout.socket(id), { force: true });
      found.closeWayOut?.();
      tell(id);
    });
    ending.set(id, ended);
    return ended;
  }

  /** Of groups by the kernel's own counts; of families of processes by their sum, which is then what their memory is bounded by. */
  async function usages(): Promise<Map<string, Usage>> {
    const found = new Map<string, Usage>();
    const families = new Map<number, string>();
    const now = clock.now();
    let looks = 0;
    for (const [id, { child, limited }] of [...running]) {
      const { pid } = child.state();
      if (pid === undefined) continue;
      if (limited === undefined) {
        families.set(pid, id);
        continue;
      }
      limited.look(now);
      const usage = limited.group.usage();
      if (usage !== undefined) found.set(id, usage);
      // So that a request need not wait for hundreds of them.
      if ((looks += 1) % looksAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [pid, usage] of usagesBelow(families.keys())) {
      const id = families.get(pid)!;
      found.set(id, usage);
      const entry = running.get(id);
      if (entry?.size !== undefined && usage.memory > entry.size.memory) giveUp(id, entry, 'memory');
    }
    // Nobody waits for it: where much is kept it takes minutes.
    void fullDisks.look(running);
    return found;
  }

  function giveUp(id: string, entry: Running, over: Crossed, room?: Room): void {
    Object.assign(entry, { over, room });
    tell(id);
  }

  return {
    async tidy() {
      await (await groupsOnce())?.endEarlier();
    },
    async close() {
      bells.close();
      await Promise.all([...running.keys()].map((id) => end(id)));
      await Promise.all(ending.values());
      await (await groups)?.close();
    },
    async missing({ needs: { executables } }, mayLackSandbox = false) {
      const found: Missing[] = [];
      const sandbox = await options.sandbox();
      if (!sandbox.isAvailable && isSandboxRequired && !mayLackSandbox)
        found.push({ what: noSandbox(sandbox.reason), remedy: sandboxRemedy });
      for (const { name, install } of executables.filter((executable) => !isInstalled(executable)))
        found.push({
          what: `${name} is not installed on this machine.`,
          remedy:
            install === undefined ? 'Ask an administrator to install it.' : `An administrator installs it: ${install}`,
        });
      return found;
    },
    keep: (folder) => keepTemplate(folder, layout.templates),
    keepOnly: (digests) => keepOnly(layout.templates, digests),
    async start(service, environment) {
      const found = running.get(service.id);
      if (found?.revision === service.revision) return;
      await end(service.id);
      await launch(service, environment);
    },
    stop: ({ id }) => end(id),
    async rest({ id, owner, template }, isAsleep) {
      const { listen } = template.plan;
      if (!isAsleep || listen.kind !== 'offer' || running.has(id)) return bells.drop(id);
      await bells.hang(id, join(layout.offer(id), listen.file), await accountFor(owner, await options.sandbox()));
    },
    onRing: bells.onRing,
    async remove({ id }) {
      bells.drop(id);
      await end(id);
      await Promise.all(
        [layout.home(id), layout.run(id), layout.offer(id)].map((folder) =>
          rm(folder, { recursive: true, force: true }),
        ),
      );
      await outputs.remove(id);
    },
    async health() {
      const sandbox = await options.sandbox();
      return [isolationHealth(sandbox, isSandboxRequired), ...((await groupsOnce()) ? [] : [withoutGroups])];
    },
    observe({ id }) {
      const found = running.get(id);
      if (found === undefined) return ending.has(id) ? { phase: 'ending' } : { phase: 'absent' };
      const { revision, size, crossed, over, room } = found;
      const { status, lastExit, output } = found.child.state();
      const cause = lastExit === undefined ? undefined : causeOf({ reason: lastExit, lines: output, crossed, size });
      if (over !== undefined)
        return {
          phase: 'gone',
          revision,
          cause: causeOf({ reason: 'ended', lines: output, crossed: over, size, room }),
        };
      // Whoever waits has waited long enough: the template says how long it may take.
      if (status === 'waiting' && cause?.code === 'slow') return { phase: 'gone', revision, cause };
      switch (status) {
        case 'running':
          return { phase: 'running', revision };
        case 'failed':
          return { phase: 'gone', revision, cause: cause ?? causeOf({ reason: 'ended', lines: output }) };
        case 'stopped':
        case 'starting':
        case 'waiting':
          return { phase: 'starting', revision, ...(cause && { cause }) };
      }
    },
    steps: () => [],
    upstreamOf: ({ id }) => socketUpstream(layout.socket(id)),
    obstacles: async () => [],
    output: async ({ id }) => outputOf(await outputs.of(id)),
    usages: () => usages(),
    async busyWith({ id, template }) {
      const busy = template.plan.rest?.busy;
      const found = running.get(id);
      if (busy === undefined || found === undefined) return undefined;
      const processorMs = (): number => {
        const { pid } = found.child.state();
        if (found.limited !== undefined) return found.limited.group.usage()?.processorMs ?? 0;
        return pid === undefined ? 0 : usagesBelow([pid]).get(pid)!.processorMs;
      };
      const at = socketUpstream(layout.socket(id));
      return (await isBusy(busy, { at, processors: () => measured(processorMs) })) ? busy.says : undefined;
    },
    async openShell({ id }, size) {
      const found = running.get(id);
      const talk = found && supervisor.converse({ name: `terminal-${id}`, ...found.terminal(), cwd: '/' });
      if (found === undefined || talk === undefined) return undefined;
      const shell = createShell(talk);
      found.shells.add(shell);
      void shell.ended.then(() => found.shells.delete(shell));
      if (found.limited && talk.pid !== undefined) {
        try {
          await found.limited.group.admit(talk.pid);
        } catch (error) {
          await shell.end();
          throw error;
        }
      }
      shell.resize(size);
      return shell;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** In a network of its own a service has each port for itself; in that of the machine it gets one that is free. */
async function portOf({ listen }: ProcessPlan, sandbox: Sandbox): Promise<number | undefined> {
  if (listen.kind !== 'port') return undefined;
  if (sandbox.isAvailable) return listen.port;
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
