import type { Clock, Log } from '../lib/index.ts';
import { newSecret } from '../lib/index.ts';
import { superviseChild, type Timing } from './child.ts';
import type { Child, ChildSpec } from './child-spec.ts';
import { type Command, type CommandResult, notStarted, runCommand } from './command.ts';
import { type Conversation, type SpokenTo, startConversation } from './conversation.ts';
import { findDescendants, signalProcess } from './descendants.ts';
import { startKeeper } from './keep.ts';
import { createRunJournal } from './leftovers.ts';

export type Supervisor = {
  /** Makes a supervised child, not yet started. Names are unique. */
  supervise(spec: ChildSpec): Child;
  /** Ends a child and forgets it, so that another one may have its name. */
  release(child: Child): Promise<void>;
  /** Runs a program that ends by itself. Never rejects. */
  run(command: Command): Promise<CommandResult>;
  /** Starts a program that is spoken to; undefined once everything is being ended. */
  converse(program: SpokenTo & { name: string }): Conversation | undefined;
  /**
   * Ends what an earlier run of the gateway on the same state folder left behind. To be awaited before children are started
   * whose ports or files the leftovers may hold. Resolves with the number of processes ended.
   */
  endEarlierRun(): Promise<number>;
  /** Resolves when somebody has ended the earlier run: what holds no leftovers may begin then. */
  afterEarlierRun(): Promise<void>;
  /** Ends all children and running programs, with everything they started. From then on nothing starts any more. */
  stopAll(): Promise<void>;
  /** Whether an earlier run handed the family of this child over (`handOver`) and nobody took it yet. */
  wasHandedOver(name: string): boolean;
  /**
   * What a child of this name started in the earlier run belongs to this run from now on. To be called before `endEarlierRun`, which
   * ends what nobody took over.
   */
  takeOver(name: string): void;
  /**
   * Ends everything except what was started by children that keep it (`keepsDescendantsOnRestart`): the next run on the same state
   * folder may take that over. A keeper ends it after `keptSeconds` if no run does, so nothing stays for ever. Where there is no
   * `/proc` nothing can be found again, and everything is ended. From then on this run starts nothing. Resolves with the number of
   * processes left.
   */
  handOver(): Promise<number>;
};

export type SupervisorOptions = {
  clock: Clock;
  log: Log;
  /** Where the list of started processes is kept; without it leftovers of an earlier run are not found. */
  stateFolder?: string;
  timing?: Partial<Timing>;
  /** How long what was handed over waits for the next run. */
  keptSeconds?: number;
};

const defaultTiming: Timing = {
  firstBackoffMs: 1000,
  maxBackoffMs: 60_000,
  stableMs: 60_000,
  quickEndsUntilFailed: 5,
  readyPollMs: 200,
  graceMs: 8000,
};

/** Starts children, restarts them with growing intervals, and ends them with all their descendants. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { clock, log, stateFolder, timing: given, keptSeconds = 180 } = options;
  const timing: Timing = { ...defaultTiming, ...given };
  const journal = createRunJournal(stateFolder, newSecret().slice(0, 22), log);
  const { instance } = journal;
  const children = new Map<string, { child: Child; spec: ChildSpec }>();
  const running = new Set<{ abort: AbortController; ended: Promise<CommandResult> }>();
  const conversations = new Set<Conversation>();
  let earlierRunEnded: Promise<number> | undefined;
  const afterEarlierRun = Promise.withResolvers<void>();
  let hasExitHook = false;
  /** Since the first `stopAll` or `handOver`: who started something now would start what nobody ends. */
  let isOver = false;
  let commandCount = 0;

  // The last resort when the process exits without `stopAll` (an uncaught error, a second signal).
  const endNow = () => {
    for (const identity of findDescendants([], (marker) => marker.startsWith(`${instance}/`)))
      signalProcess(identity, 'SIGKILL');
  };
  const prepare = () => {
    if (hasExitHook) return;
    hasExitHook = true;
    process.once('exit', endNow);
  };

  const stop = async (some: readonly Child[]) => {
    isOver = true;
    for (const { abort } of running) abort.abort();
    await Promise.all([
      ...some.map((child) => child.stop()),
      ...[...running].map(({ ended }) => ended),
      ...[...conversations].map((conversation) => conversation.end()),
    ]);
  };
  const forgetExit = () => {
    process.off('exit', endNow);
    hasExitHook = false;
  };

  return {
    supervise(spec) {
      if (children.has(spec.name)) throw new TypeError(`child name used twice: ${spec.name}`);
      if (!isOver) prepare();
      const child = superviseChild(spec, {
        clock,
        log,
        timing,
        journal,
        marker: `${instance}/${spec.name}`,
        mayStart: () => !isOver,
      });
      children.set(spec.name, { child, spec });
      return child;
    },
    async release(child) {
      await child.stop();
      for (const [name, one] of children) if (one.child === child) children.delete(name);
    },
    async run(command) {
      if (isOver) return notStarted;
      prepare();
      journal.open();
      const abort = new AbortController();
      const signal = command.signal ? AbortSignal.any([command.signal, abort.signal]) : abort.signal;
      const ended = runCommand({ ...command, signal }, `${instance}/${command.name}#${++commandCount}`, timing.graceMs);
      const entry = { abort, ended };
      running.add(entry);
      return ended.finally(() => running.delete(entry));
    },
    converse({ name, ...program }) {
      if (isOver) return undefined;
      prepare();
      journal.open();
      const conversation = startConversation(program, `${instance}/${name}#${++commandCount}`);
      conversations.add(conversation);
      void conversation.ended.then(() => conversations.delete(conversation));
      return conversation;
    },
    endEarlierRun() {
      earlierRunEnded ??= journal.endEarlierRun(timing.graceMs).finally(() => afterEarlierRun.resolve());
      return earlierRunEnded;
    },
    afterEarlierRun: () => afterEarlierRun.promise,
    stopAll: () => stop([...children.values()].map(({ child }) => child)).then(forgetExit),
    wasHandedOver: (name) => journal.hasLeft(name),
    takeOver: (name) => journal.takeOver(name),
    async handOver() {
      const canBeFound = stateFolder !== undefined && process.platform === 'linux';
      const isKept = ({ spec }: { spec: ChildSpec }) => canBeFound && spec.keepsDescendantsOnRestart === true;
      const [kept, others] = [
        [...children.values()].filter(isKept),
        [...children.values()].filter((one) => !isKept(one)),
      ];
      await stop(others.map(({ child }) => child));
      let count = 0;
      for (const { child } of kept) count += await child.leave();
      if (count > 0) {
        journal.leave(kept.map(({ spec }) => spec.name));
        await startKeeper(stateFolder!, instance, keptSeconds);
      }
      forgetExit();
      return count;
    },
  };
}
