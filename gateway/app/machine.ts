import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fillIn } from '../catalogue/index.ts';
import { absolute, type Config, type PublicAddress } from '../config/index.ts';
import type { Files } from '../files/index.ts';
import { type Clock, type Log, newId } from '../lib/index.ts';
import type { Policy } from '../policy/index.ts';
import { openGroups, type Sandbox, type Supervisor } from '../process/index.ts';
import {
  createMachineEngine,
  openPackages,
  type Outputs,
  type Packages,
  type ProcessEngineOptions,
} from '../services/index.ts';
import type { Facts } from './facts.ts';
import { createFilesOfOwner } from './files-of.ts';
import { outboundOfServices } from './outbound.ts';
import { openSandbox } from './sandbox.ts';
import { configuredSizes, promisable } from './sizes.ts';

/** What runs services on this machine. */
export function openMachine(
  config: Config,
  parts: {
    facts: Pick<Facts, 'accounts' | 'owners'>;
    policy: Pick<Policy, 'decide'>;
    files: Files;
    supervisor: Supervisor;
    outputs: Outputs;
    publicAddress: PublicAddress;
    neighbour: NonNullable<ProcessEngineOptions['neighbour']>;
    clock: Clock;
    log: Log;
  },
) {
  const { facts, policy, files, supervisor, outputs, publicAddress, neighbour, clock, log } = parts;
  const { accounts, owners } = facts;
  const { sandbox, close } = openSandboxOf(config, { supervisor, log });
  // Looked for beside the rest of the start, which says in the end whether there is one.
  void sandbox();
  const engine = createMachineEngine({
    ...machineFacts(config),
    sandbox,
    isSandboxRequired: config.services.sandbox === 'required',
    supervisor,
    packages: openTemplatePackages(config, { sandbox, supervisor, clock, log }),
    clock,
    log,
    filesOf: createFilesOfOwner({ files, accounts, owners, policy, domain: config.domain }),
    originOf: (label) => publicAddress.originOf(publicAddress.hostOfService(label)),
    outbound: outboundOfServices(config, { accounts, policy, log }),
    fillIn,
    neighbour,
    room: roomOfOwners(files),
    groups: () => openGroups({ stateFolder: join(config.data, 'process'), log }),
    outputs,
  });
  return { engine, machine: machineOf(config.data), sizes: configuredSizes(config), whole: promisable(config), close };
}

/** What services add to the files of their owner is counted; what somebody else writes into those of everyone is nobody's. */
const roomOfOwners = (files: Files): NonNullable<ProcessEngineOptions['room']> => ({
  folder: files.pathOf({ kind: 'shared' }),
  async of({ kind, id }) {
    const area = { kind: kind === 'user' ? ('private' as const) : ('team' as const), id };
    // Where nothing bounds them nothing is counted.
    if ((await files.usage(area)).limit === undefined) return undefined;
    const { bytes, limit } = await files.counted(area);
    return limit === undefined ? undefined : { bytes, limit };
  },
});

/** Where programs run here, and as whom. */
function machineFacts(config: Config) {
  const { first, count } = config.integrations.jupyterhub.accounts;
  const hub = join(config.data, 'jupyterhub');
  return {
    dataFolder: config.data,
    accounts: { file: join(hub, 'accounts.json'), homes: join(hub, 'homes'), first, count },
  };
}

/** What keeps programs apart here; also for a command on the same machine. */
export function openSandboxOf(config: Config, parts: { supervisor: Supervisor; log: Log }) {
  const { first } = config.integrations.jupyterhub.accounts;
  const account = process.getuid?.() === 0 ? { uid: first + 1, gid: first } : undefined;
  return openSandbox({ dataFolder: config.data, account, ...parts });
}

/** The packages of templates; also for a command on the same machine. */
export function openTemplatePackages(
  config: Config,
  parts: { sandbox: () => Promise<Sandbox>; supervisor: Supervisor; clock: Clock; log: Log },
): Packages {
  return openPackages({ ...machineFacts(config), ...parts, folder: absolute(config, config.services.packages) });
}

/** A name of this data folder among the gateways on one store: programs run here and nowhere else. */
function machineOf(dataFolder: string): string {
  const file = join(dataFolder, 'machine');
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${newId()}\n`, { mode: 0o600 });
  }
  return readFileSync(file, 'utf8').trim();
}
