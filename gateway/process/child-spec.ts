import type { ChildOutput } from './output.ts';

/** What a supervised child is: an executable with arguments, never a shell line. */
export type ChildSpec = {
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment: nothing of the gateway's own is added, except the marker `KNOT_SUPERVISOR`. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Resolves when the child answers; polled while it starts. */
  isReady(): Promise<boolean>;
  /** A child that does not get ready in this time is ended and tried again (60 s by default). */
  readyTimeoutMs?: number;
  /** Quick ends in a row after which it counts as `failed`, where that is another number than for all. */
  quickEndsUntilFailed?: number;
  /**
   * True for a child whose own children outlive a crash of it and are found again by the next one (a notebook hub), and can be
   * handed over to the next run of the gateway. They are ended by `stop` all the same. By default they are ended before the
   * restart.
   */
  keepsDescendantsOnRestart?: boolean;
  /**
   * Called with each process that is made of it, before anything is done by it: its standard input stays open until then, and whoever is
   * started must wait for the end of that. Where it fails the process is ended.
   */
  admit?(pid: number): Promise<void>;
  /**
   * It is bubblewrap (`sandboxArguments`), which dies of a signal and takes everything inside with it at once: what runs inside is told
   * first, and has its time.
   */
  isSandboxed?: boolean;
  /** Lines of its output that an operator looks for; they are warnings in the log, every other line is for debugging. */
  isForOperators?(line: string): boolean;
  /** Who reads its output and keeps it; without, only the last lines are kept. */
  output?: ChildOutput;
};

export type ChildState = {
  /**
   * `waiting`: ended unexpectedly, tried again at `nextStartAt`. `failed`: the same after several quick ends in a row; it is
   * still tried again, at the longest interval.
   */
  status: 'stopped' | 'starting' | 'running' | 'waiting' | 'failed';
  pid?: number;
  restarts: number;
  /** Last lines of output, newest last. */
  output: readonly string[];
  /** When `waiting` or `failed`: time of the next try, ms. */
  nextStartAt?: number;
  /** Why it ended last, in plain words. */
  lastExit?: string;
};

export type Child = {
  /** Starts it and keeps it running. Returns at once. */
  start(): void;
  /** Ends it and everything it started; resolves when all are gone. */
  stop(): Promise<void>;
  /** Ends the child alone, as a crash would: what it started is not told and goes on. Resolves with how many processes that are. */
  leave(): Promise<number>;
  /**
   * Values of a variable in the environments of what it started, one for each branch: what such a process starts itself is not
   * asked. Empty where there is no `/proc`.
   */
  valuesBelow(variable: string): string[];
  state(): ChildState;
  onChange(listener: () => void): () => void;
};
