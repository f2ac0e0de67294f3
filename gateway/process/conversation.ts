import type { Readable, Writable } from 'node:stream';
import { endAll, identify } from './descendants.ts';
import { familyOf, signalGroup, spawnMarked } from './spawn.ts';

/** A program that is spoken to over its standard input and output, as long as it runs. */
export type Conversation = {
  pid: number | undefined;
  input: Writable;
  output: Readable;
  /** Its exit code; undefined when it was ended by a signal or could not be started. */
  ended: Promise<number | undefined>;
  /** Ends it and everything it started, at once. */
  end(): Promise<void>;
};

export type SpokenTo = { command: string; args: readonly string[]; env: Readonly<Record<string, string>>; cwd: string };

const graceMs = 1_000;

export function startConversation(program: SpokenTo, marker: string): Conversation {
  const child = spawnMarked({ ...program, isSpokenTo: true }, marker);
  const { pid } = child;
  const identity = pid === undefined ? undefined : identify(pid);
  const { promise: ended, resolve } = Promise.withResolvers<number | undefined>();
  child.once('exit', (code) => resolve(code ?? undefined));
  child.on('error', () => pid === undefined && resolve(undefined));
  // What it says besides is for nobody.
  child.stderr!.on('error', () => undefined).resume();
  child.stdout!.on('error', () => undefined);
  return {
    pid,
    input: child.stdin!,
    output: child.stdout!,
    ended,
    async end() {
      // Taken before the first signal: once it is gone its children have another parent.
      const roots = familyOf(marker, identity ? [identity] : []);
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) signalGroup(pid, 'SIGKILL');
      await endAll(() => familyOf(marker, roots), graceMs);
    },
  };
}
