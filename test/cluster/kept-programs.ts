import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Order } from './keeper.ts';

type Answer = { id: number; pid?: number; error?: string } | { ended: string; how: string };

/** `Omit` of a union keeps only what all of it has. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** One program of a cluster, of which a test can make a fault. */
export type KeptProgram = {
  /** Resolves when it is gone: SIGKILL, as when a machine loses power. */
  stop(): Promise<void>;
  /** Resolves when the process runs again, with the same arguments. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  pid(): number;
  /** What it has written so far. */
  log(): string;
};

/**
 * Programs that end with us, in a folder that goes with them (see keeper.ts).
 * `run` starts one; its standard output and error go to `NAME.log` of the folder. `enter` is what stands before the keeper's own command
 * line: where it goes all of them go.
 */
export function keepPrograms(folder: string, { enter = [] }: { enter?: readonly string[] } = {}) {
  const [program, ...args] = [...enter, process.execPath, join(import.meta.dirname, 'keeper.ts'), folder];
  const keeper = spawn(program, args, {
    // A session of its own: Ctrl-C in a terminal is ours to handle.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(keeper, 'close');
  const waiting = new Map<number, (answer: { pid?: number; error?: string }) => void>();
  const endings = new Map<string, string>();
  let orders = 0;

  createInterface({ input: keeper.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    if ('ended' in answer) return void endings.set(answer.ended, answer.how);
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  keeper.stdin.on('error', () => undefined);
  // A test that has ended may forget to stop its cluster, and must still come to its end.
  keeper.unref();
  for (const stream of [keeper.stdin, keeper.stdout]) (stream as unknown as { unref(): void }).unref();

  async function order(what: WithoutId<Order>): Promise<number | undefined> {
    const id = ++orders;
    const answered = Promise.withResolvers<{ pid?: number; error?: string }>();
    waiting.set(id, answered.resolve);
    void gone.then(() => answered.resolve({ error: 'the keeper of the programs has ended' }));
    keeper.stdin.write(`${JSON.stringify({ id, ...what })}\n`);
    // While an answer is awaited it must keep the process alive.
    (keeper.stdout as unknown as { ref(): void }).ref();
    const { pid, error } = await answered.promise;
    if (waiting.size === 0) (keeper.stdout as unknown as { unref(): void }).unref();
    if (error !== undefined) throw new Error(error);
    return pid;
  }

  const logOf = (name: string) => readFileSync(join(folder, `${name}.log`), 'utf8');

  return {
    pid: keeper.pid!,
    async run(name: string, command: readonly string[]): Promise<KeptProgram> {
      let pid = 0;
      const start = async (): Promise<void> => {
        endings.delete(name);
        pid = (await order({ act: 'start', name, command })) ?? 0;
      };
      const act = (what: 'kill' | 'freeze' | 'thaw') => async () => void (await order({ act: what, name }));
      await start();
      return {
        start,
        stop: act('kill'),
        freeze: act('freeze'),
        thaw: act('thaw'),
        pid: () => pid,
        log: () => logOf(name),
      };
    },
    /** @throws with the end of its log, when the program has ended without having been told to. */
    demand(name: string): void {
      const how = endings.get(name);
      if (how !== undefined) throw new Error(`${name} has ended (${how}):\n${logOf(name).slice(-3000)}`);
    },
    /** Resolves when all have ended and the folder is gone. */
    async close(): Promise<void> {
      keeper.stdin.end();
      (keeper.stdout as unknown as { ref(): void }).ref();
      keeper.ref();
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type KeptPrograms = ReturnType<typeof keepPrograms>;
