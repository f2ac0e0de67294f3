/**
 * process: child processes that Knot starts for others.
 * Owns: starting, restarting with back-off, stopping (with all descendants), log lines, the bubblewrap sandbox.
 * Does not own: what they are for (integrations, services).
 * Mounts: nothing.
 */
export type ChildSpec = {
  name: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Resolves when the child answers; polled while it starts. */
  isReady(): Promise<boolean>;
};

export type ChildState = {
  status: 'stopped' | 'starting' | 'running' | 'waiting' | 'failed';
  pid?: number;
  restarts: number;
  /** Last lines of output, newest last. */
  output: readonly string[];
  /** When `waiting`: time of the next try, ms. */
  nextStartAt?: number;
  lastExit?: string;
};
