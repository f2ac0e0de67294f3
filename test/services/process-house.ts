import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { diskFolder, fillIn } from '../../gateway/catalogue/index.ts';
import { newId, type ProcessPlan, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createSupervisor, findSandbox, openGroups } from '../../gateway/process/index.ts';
import {
  createMachineEngine,
  createOutputs,
  openPackages,
  type ProcessEngineOptions,
  type ServiceOutbound,
} from '../../gateway/services/index.ts';
import type { Bounds } from '../../gateway/services/process/limits.ts';
import type { Service } from '../../gateway/services/service.ts';
import { processesWith } from '../support/process/processes-with.ts';
import type { EngineHouse } from './engine.ts';

/** Number of the group that owners have, where this is root. */
export const first = 47_000;
const account = process.getuid?.() === 0 ? { account: { uid: first + 1, gid: first } } : {};
export const sandbox = await findSandbox(account);
/** Accounts of owners, recorded in a folder of the test. */
export const accounts = (folder: string) => ({
  ...{ file: join(folder, 'accounts.json'), homes: join(folder, 'homes'), first, count: 100 },
});
export const skipWithoutSandbox =
  sandbox.isAvailable || process.env.CI === 'true' ? false : `no sandbox here: ${sandbox.reason}`;

const trial = mkdtempSync(join(tmpdir(), 'knot-groups-'));
/** Whether control groups may be made here. */
export const hasGroups = (await openGroups({ stateFolder: trial, log: silentLog })) !== undefined;
rmSync(trial, { recursive: true });

/** The process engine on a folder of its own, with files of ann, of everyone and of her team. */
export async function openProcessEngine(
  t: Test,
  {
    below = tmpdir(),
    bounds = {},
    isGrouped = true,
    graceMs = 1000,
    outbound,
    ...more
  }: {
    below?: string | undefined;
    bounds?: Partial<Bounds>;
    isGrouped?: boolean;
    /** How long a program has that was told of its end. */
    graceMs?: number;
    outbound?: ServiceOutbound;
  } & Partial<
    Pick<ProcessEngineOptions, 'sandbox' | 'isSandboxRequired' | 'bytesIn' | 'room' | 'clock' | 'neighbour'>
  > = {},
): Promise<EngineHouse & { folder: string }> {
  const folder = mkdtempSync(join(below, 'knot-engine-'));
  const supervisor = createSupervisor({
    clock: systemClock,
    log: silentLog,
    timing: { firstBackoffMs: 50, readyPollMs: 50, graceMs },
  });
  const area = (name: string) => {
    const path = join(folder, 'files', name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const files = {
    private: area('private'),
    shared: area('shared'),
    teams: [{ name: 'physics', folder: area('team') }],
  };
  const template = join(folder, 'template');
  mkdirSync(template);
  writeFileSync(join(template, 'a.txt'), 'a');
  const outputs = createOutputs(join(folder, 'output'), { maxBytes: 1024 * 1024, clock: systemClock, log: silentLog });
  const engine = createMachineEngine({
    packages: openPackages({
      ...{ dataFolder: folder, supervisor, clock: systemClock, log: silentLog },
      sandbox: async () => sandbox,
      accounts: accounts(folder),
    }),
    log: silentLog,
    outputs,
    dataFolder: folder,
    supervisor,
    sandbox: async () => sandbox,
    isSandboxRequired: true,
    clock: systemClock,
    ...more,
    accounts: accounts(folder),
    filesOf: async () => files,
    originOf: (label) => `https://${label}.localhost`,
    ...(outbound && { outbound }),
    fillIn: (text, facts, values) => fillIn(text, facts, values),
    ...(isGrouped && { groups: () => openGroups({ stateFolder: join(folder, 'process'), log: silentLog }) }),
    bounds,
  });
  t.teardown(async () => {
    await engine.close();
    await supervisor.stopAll();
    await outputs.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const digest = await engine.keep(diskFolder(template));
  return {
    engine,
    folder,
    async service(program, { plan = {}, values = { say: '' }, size = small } = {}): Promise<Service> {
      const whole: ProcessPlan = {
        command: ['{node}', '-e', program.replaceAll('{', '{{').replaceAll('}', '}}'), '{values.say}'],
        environment: { LISTEN: '{socket}' },
        listen: { kind: 'socket' },
        ready: '/',
        startSeconds: 20,
        memory: undefined,
        needs: { executables: [], python: [] },
        files: ['private', 'shared', 'teams'],
        network: { hosts: [] },
        ...plan,
      };
      return {
        id: newId(),
        name: 'one',
        owner: { kind: 'user', id: 'u1', name: 'ann' },
        label: 'one-ann',
        template: { id: 't', name: 't', title: 'T', version: '1.0.0', digest, schema: {}, plan: whole },
        values,
        size,
        machine: 'm',
        wish: 'running',
        state: 'requested',
        since: 0,
        revision: 1,
        createdBy: 'ann',
        createdAt: 0,
      };
    },
    ask: (service, path = '/') => ask(engine.upstreamOf(service)!.socket!, path),
    left: ({ id }) => processesWith(id.replaceAll('-', '').slice(0, 20)),
  };
}

function ask(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, agent: false });
    asked.on('response', async (response) => resolve((await response.toArray()).join('')));
    asked.on('error', () => resolve(undefined)).end();
  });
}

const small = { name: 'small', title: 'Small', cpu: 1, memory: 512 * 1024 ** 2 };
