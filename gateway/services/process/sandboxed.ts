import { dirname, join } from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue, type LaunchFacts, type ProcessPlan } from '../../lib/index.ts';
import { type Account, proxySettings, type Sandbox, sandboxArguments, systemEnvironment } from '../../process/index.ts';
import type { Service } from '../service.ts';
import {
  enterProgram,
  inside,
  type Layout,
  outside,
  programsAt,
  terminalLibrary,
  terminalProgram,
  terminalSettings,
} from './layout.ts';
import type { Environment } from './packages/packages.ts';

/** Folders of the owner's files on this machine. */
export type OwnersFiles = { private?: string; shared: string; teams: readonly { name: string; folder: string }[] };

/** Puts facts of the launch and values into a text of `process.yaml`. */
export type FillIn = (text: string, facts: LaunchFacts, values: JsonObject) => string;

/**
 * What is started for a service: bubblewrap with everything the program may see, and the program in it. Without a sandbox the program
 * alone, which finds everything where it is on this machine; values that lead to files are told as they are there.
 */
export function sandboxedProgram(options: {
  service: Service;
  sandbox: Sandbox;
  layout: Layout;
  dataFolder: string;
  files: OwnersFiles;
  account: Account | undefined;
  origin: string;
  secret: string;
  /** Whether it may reach hosts outside, through the gateway. */
  hasWayOut: boolean;
  fillIn: FillIn;
  /** What stands before everything, to bound it. */
  bounds: readonly string[];
  /** Most bytes of each folder in memory; without it they count as memory of its group. */
  scratchBytes: number | undefined;
  /** Whether it must not begin before the end of its standard input. */
  waits: boolean;
  /** The packages it needs. */
  environment: Environment | undefined;
  /** What is shown besides its own. */
  shown: readonly { source: string; target: string; isWritable: boolean }[];
  /** A terminal in the same sandbox, in its place: what belongs to the service is left as it is. */
  isTerminal?: boolean;
  /** Where it listens, when it does not listen on its socket. */
  port: number | undefined;
}): { command: string; args: string[]; env: Record<string, string> } {
  const { service, sandbox, layout, dataFolder, files, account, origin, secret, hasWayOut, fillIn } = options;
  const { bounds, scratchBytes, waits, environment, shown, port, isTerminal = false } = options;
  const { id, template } = service;
  const { plan } = template;
  const mounts = mountsOf(files, plan.files);
  const own = join(layout.templates, template.digest);
  const seen = sandbox.isAvailable ? inside : { ...outside(layout, id), template: own };
  const values = sandbox.isAvailable ? service.values : (relocated(service.values, mounts) as JsonObject);
  const node = process.execPath;
  const facts = {
    socket: seen.socket,
    port: port === undefined ? '' : String(port),
    home: seen.home,
    base: '',
    origin,
    secret,
    template: seen.template,
    node,
    python: environment?.python ?? '/usr/bin/python3',
    packages: environment?.folder ?? '',
    offer: seen.offer,
    values: JSON.stringify(values),
  };
  const before = sandbox.isAvailable
    ? sandboxArguments({
        command: sandbox.command,
        confinement: sandbox.confinement,
        hasOwnNetwork: true,
        ...(scratchBytes !== undefined && { scratchBytes }),
        // The gateway's own folder is not shown: of it only the program that enters.
        readOnly: [
          dirname(dirname(node)),
          enterProgram,
          // The library and its part for this machine stand side by side.
          ...(isTerminal ? [terminalProgram, terminalSettings, dirname(dirname(terminalLibrary))] : []),
          ...(environment ? [...environment.readOnly, environment.folder] : []),
        ],
        hidden: [dataFolder],
        home: { source: layout.home(id), target: inside.home },
        mounts: [
          { source: layout.run(id), target: inside.run, isWritable: true },
          { source: own, target: inside.template, isWritable: false },
          ...(hasWayOut ? [{ source: layout.out(id), target: inside.out, isWritable: true }] : []),
          ...shown,
          ...mounts,
        ],
      })
    : [];
  const out = hasWayOut && { out: { socket: inside.out, port: proxyPort(plan) } };
  const program = {
    command: plan.command.map((argument) => fillIn(argument, facts, values)),
    socket: seen.socket,
    ...(port !== undefined && { port }),
    ...(plan.listen.kind === 'offer' && {
      offer: {
        ...{ file: plan.listen.file, speaks: plan.listen.speaks },
        path: `${seen.offer}/${plan.listen.file}`,
        check: plan.listen.check?.map((argument) => fillIn(argument, facts, values)),
      },
    }),
    ...(plan.stop && { stop: plan.stop }),
    ...(waits && { waits }),
  };
  const task = { account, ...(isTerminal ? { command: [node, terminalProgram, terminalLibrary] } : program), ...out };
  const told = Object.entries(plan.environment).map(([name, value]) => [name, fillIn(value, facts, values)]);
  const [first = node, ...rest] = [...bounds, ...before, node, enterProgram];
  return {
    command: first,
    args: rest,
    env: {
      ...systemEnvironment(),
      PATH: programsAt.join(':'),
      HOME: seen.home,
      USER: service.owner.name,
      LOGNAME: service.owner.name,
      SHELL: '/bin/bash',
      TMPDIR: '/tmp',
      LANG: 'C.UTF-8',
      ...(Object.fromEntries(told) as Record<string, string>),
      ...toldBy(service, origin, sandbox.isAvailable ? [] : mounts),
      ...(hasWayOut && proxySettings(proxyPort(plan))),
      KNOT_ENTER: JSON.stringify(task),
    },
  };
}

/** Where a service finds its way out; any port that is not its own. */
const proxyPort = ({ listen }: ProcessPlan): number => (listen.kind === 'port' && listen.port === 3128 ? 3129 : 3128);

/** What every service is told, as in the earlier Knot. */
function toldBy({ name, owner }: Service, origin: string, moved: readonly Moved[]): Record<string, string> {
  return {
    KNOT_SERVICE: name,
    KNOT_USERNAME: owner.name,
    KNOT_NAMESPACE: owner.name,
    KNOT_URL: origin,
    KNOT_PRIVATE_DIR: placeOf(`${inside.files}/private`, moved),
    KNOT_SHARED_DIR: placeOf(`${inside.files}/shared`, moved),
  };
}

function mountsOf(files: OwnersFiles, wanted: readonly string[]) {
  const mount = (source: string, name: string) => ({ source, target: `${inside.files}/${name}`, isWritable: true });
  return [
    ...(wanted.includes('private') && files.private !== undefined ? [mount(files.private, 'private')] : []),
    ...(wanted.includes('shared') ? [mount(files.shared, 'shared')] : []),
    ...(wanted.includes('teams') ? files.teams.map(({ name, folder }) => mount(folder, `team/${name}`)) : []),
  ];
}

/** A folder that programs know under another name than it has on this machine. */
type Moved = { source: string; target: string };

function placeOf(path: string, moved: readonly Moved[]): string {
  const found = moved.find(({ target }) => path === target || path.startsWith(`${target}/`));
  return found === undefined ? path : found.source + path.slice(found.target.length);
}

/** Values with the places of this machine for those of a sandbox. */
function relocated(value: JsonValue, moved: readonly Moved[]): JsonValue {
  if (typeof value === 'string') return placeOf(value, moved);
  if (Array.isArray(value)) return value.map((one) => relocated(one, moved));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, relocated(one, moved)]));
}
