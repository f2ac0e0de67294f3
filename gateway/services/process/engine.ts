import { chownSync, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { knotError, newSecret } from '../../lib/index.ts';
import {
  type Account,
  type AccountBook,
  accountOf,
  type Child,
  giveFolder,
  isExecutable,
  type Sandbox,
  shareFolder,
  type Supervisor,
  usagesBelow,
} from '../../process/index.ts';
import { causeOf } from '../causes.ts';
import type { Engine, Missing } from '../engine.ts';
import type { Service } from '../service.ts';
import { layoutIn } from './layout.ts';
import { answersAt } from './readiness.ts';
import { type FillIn, type OwnersFiles, programsAt, sandboxedProgram } from './sandboxed.ts';
import { keepTemplate } from './template-files.ts';

export type ProcessEngineOptions = {
  dataFolder: string;
  supervisor: Supervisor;
  /** Looked for once; without one nothing runs here. */
  sandbox: () => Promise<Sandbox>;
  /** Numbers of the accounts that owners' programs run under, where the sandbox can give them some. */
  accounts: AccountBook;
  /** Where the files of an owner are now; undefined for one who is no more. */
  filesOf(owner: Service['owner']): Promise<OwnersFiles | undefined>;
  originOf(label: string): string;
  fillIn: FillIn;
};

type Running = { child: Child; revision: number };

const quickEndsUntilGone = 3;

/** Services as programs of this machine: each in a sandbox with a network of its own, reached over a Unix socket by the gateway alone. */
export function createProcessEngine(options: ProcessEngineOptions): Engine {
  const { dataFolder, supervisor, accounts, filesOf, originOf, fillIn } = options;
  const layout = layoutIn(dataFolder);
  const running = new Map<string, Running>();
  const ending = new Map<string, Promise<void>>();
  const listeners = new Set<(serviceId: string) => void>();
  const tell = (id: string): void => {
    for (const listener of listeners) listener(id);
  };

  async function prepare(
    { id, owner }: Service,
    sandbox: Sandbox,
  ): Promise<{ files: OwnersFiles; account: Account | undefined }> {
    const files = await filesOf(owner);
    if (files === undefined) throw knotError('KNOT_SERVICES_NO_OWNER', 409, 'The owner of the service is gone.');
    const hasAccounts = sandbox.isAvailable && sandbox.confinement === 'account';
    const account = hasAccounts ? await accountOf(accounts, owner.name) : undefined;
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

  async function launch(service: Service): Promise<void> {
    const sandbox = await options.sandbox();
    if (!sandbox.isAvailable) throw knotError('KNOT_SERVICES_NO_SANDBOX', 503, 'Services cannot run on this machine.');
    const { files, account } = await prepare(service, sandbox);
    const { id, revision, template } = service;
    const { ready, startSeconds } = template.plan;
    const origin = originOf(service.label);
    const program = sandboxedProgram({
      ...{ service, sandbox, layout, dataFolder, files, account, origin, fillIn },
      secret: newSecret(),
    });
    const child = supervisor.supervise({
      name: `service-${id}-${revision}`,
      ...program,
      cwd: '/',
      isReady: () => answersAt(layout.socket(id), ready),
      readyTimeoutMs: startSeconds * 1000,
      quickEndsUntilFailed: quickEndsUntilGone,
    });
    running.set(id, { child, revision });
    child.onChange(() => tell(id));
    child.start();
  }

  async function end(id: string): Promise<void> {
    const found = running.get(id);
    if (found === undefined) return ending.get(id);
    running.delete(id);
    const ended = supervisor.release(found.child).finally(() => {
      ending.delete(id);
      rmSync(layout.socket(id), { force: true });
      tell(id);
    });
    ending.set(id, ended);
    return ended;
  }

  return {
    missing: async ({ template }) => {
      const { executables, python } = template.plan.needs;
      const found: Missing[] = [];
      const sandbox = await options.sandbox();
      if (!sandbox.isAvailable)
        found.push({ what: sandbox.reason, remedy: 'Ask an administrator to install bubblewrap on this machine.' });
      for (const { name, install } of executables.filter((executable) => !isInstalled(executable.name)))
        found.push({
          what: `${name} is not installed on this machine.`,
          remedy:
            install === undefined ? 'Ask an administrator to install it.' : `An administrator installs it: ${install}`,
        });
      if (python.length > 0)
        found.push({
          what: 'Packages of Python cannot be installed for services yet.',
          remedy: 'Choose another template.',
        });
      return found;
    },
    keep: (folder) => keepTemplate(folder, layout.templates),
    async start(service) {
      const found = running.get(service.id);
      if (found?.revision === service.revision) return;
      await end(service.id);
      await launch(service);
    },
    stop: ({ id }) => end(id),
    async remove({ id }) {
      await end(id);
      await Promise.all(
        [layout.home(id), layout.run(id)].map((folder) => rm(folder, { recursive: true, force: true })),
      );
    },
    observe({ id }) {
      const found = running.get(id);
      if (found === undefined) return ending.has(id) ? { phase: 'ending' } : { phase: 'absent' };
      const { revision } = found;
      const { status, lastExit, output } = found.child.state();
      const cause = lastExit === undefined ? undefined : causeOf({ reason: lastExit, lines: output });
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
    socketOf: ({ id }) => layout.socket(id),
    output: ({ id }) => running.get(id)?.child.state().output ?? [],
    async usages() {
      const pids = new Map<string, number>();
      for (const [id, { child }] of running) {
        const { pid } = child.state();
        if (pid !== undefined) pids.set(id, pid);
      }
      const usages = usagesBelow(pids.values());
      return new Map([...pids].map(([id, pid]) => [id, usages.get(pid)!]));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const isInstalled = (name: string): boolean => programsAt.some((folder) => isExecutable(join(folder, name)));
