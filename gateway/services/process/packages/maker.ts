import type { InstallProgress, InstallStep, InstallWords, Problem, Supervisor } from '../../../process/index.ts';

/** What was made of a set of packages: how many they are, and what whoever uses them must see besides their folder. */
export type Made = {
  packages: number;
  readOnly: readonly string[];
  /** The Python that has them. */
  python?: string;
};

/** Where and how a set is made. */
export type Making = {
  supervisor: Supervisor;
  searchPath: string;
  /** Becomes the installation. */
  environment: string;
  /** A file for the list of what is wanted. */
  list: string;
  timeoutMs: number;
  signal: AbortSignal;
  onProgress(progress: InstallProgress): void;
  /** Runs a step where it sees and writes what it needs, and nothing else. */
  confine(step: InstallStep, needs: { readOnly: readonly string[]; writable: readonly string[] }): InstallStep;
  /** Makes a file or folder that of whoever installs. */
  give(path: string): void;
};

/** How one set of packages is made on this machine, by whatever installs such packages here. */
export type Maker = {
  /** Another one with everything that decides how it comes out: what is wanted, and what it is made by. */
  key: string;
  /** What is made, so that what goes wrong is told in its words. */
  words: InstallWords;
  /** What its operator says for everybody, in a file. */
  settings?: string | undefined;
  /** What is there and complete. */
  find(environment: string): Made | undefined;
  /** What is wrong with it nevertheless, in plain words. */
  damage(environment: string): Promise<string | undefined>;
  make(making: Making): Promise<Made | { problem: Problem }>;
};

/** Something that installs packages of one language. */
export type Installer<Set> = {
  /** Why there is none on this machine, or how it makes a set. */
  makerOf(set: Set): Promise<Maker | Problem>;
  /** Why there is none on this machine. */
  missing(): Promise<Problem | undefined>;
};

/** One that is there stays; one that is not may be put there meanwhile. `look` is asked again after that many milliseconds. */
export function rememberOnceFound<Tool extends object>(
  look: () => Promise<Tool | Problem>,
  { now, againMs = 20_000 }: { now: () => number; againMs?: number },
): () => Promise<Tool | Problem> {
  let last: { at: number; found: Promise<Tool | Problem> } | undefined;
  return () => {
    if (last !== undefined && now() - last.at < againMs) return last.found;
    const found = look();
    last = { at: now(), found };
    void found.then((answer) => {
      if (!isProblem(answer) && last?.found === found) last.at = Number.POSITIVE_INFINITY;
    });
    return found;
  };
}

export const isProblem = (found: object): found is Problem => 'kind' in found;
