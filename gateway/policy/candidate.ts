import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { processorMs, systemEnvironment } from '../process/index.ts';
import type { CandidateMessage } from './candidate-process.ts';
import type { Snapshot } from './folder.ts';
import type { PolicyProblem } from './status.ts';
import type { Place, Trial } from './trial.ts';

export type CandidateOutcome = Trial & {
  /** False when it could not be tried here and now, which says nothing about the files: it is worth trying again. */
  isConclusive: boolean;
  /** What the process had to say when it failed, for the log. */
  failure?: string;
};

export type CandidateLimits = {
  /**
   * How long a trial may take, start of the process included: of processor time where the system tells it, so that files are not
   * refused because the machine is busy. The whole may take `patience` times as long.
   */
  milliseconds: number;
  /** Of JavaScript. */
  heapMebibytes: number;
  /** Of WebAssembly memory, per instance. */
  engineMebibytes: number;
};

const defaults: CandidateLimits = { milliseconds: 20_000, heapMebibytes: 384, engineMebibytes: 256 };

const patience = 6;

/** Less stack than the gateway has (984 KiB by default): what passes here has room there, below other callers. */
const stackKibibytes = 700;
const keptOutput = 2_000;
const wasmPageKibibytes = 64;

/**
 * Tries a reading of the policy folder in a process of its own, with bounds on its time, memory and stack. Whatever the files
 * hold, the gateway's own engine does not meet them, and only that process can end (decisions/0015).
 */
export async function tryCandidate(
  snapshot: Snapshot,
  limits: Partial<CandidateLimits> = {},
): Promise<CandidateOutcome> {
  const { milliseconds, heapMebibytes, engineMebibytes } = { ...defaults, ...limits };
  let step: Place = { file: '', line: 0 };
  let trial: Trial | undefined;
  let output = '';
  let isTooSlow = false;
  const ended = await new Promise<string>((resolve) => {
    let child: ChildProcess;
    try {
      child = fork(join(import.meta.dirname, 'candidate-process.ts'), [], {
        execArgv: [
          '--liftoff-only',
          `--max-old-space-size=${heapMebibytes}`,
          `--wasm-max-mem-pages=${(engineMebibytes * 1024) / wasmPageKibibytes}`,
          `--stack-size=${stackKibibytes}`,
        ],
        env: { ...systemEnvironment(), ...compileCache() },
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
    } catch (error) {
      resolve(`cannot start: ${String(error)}`);
      return;
    }
    const startedAt = performance.now();
    let timer = setTimeout(lookAtTime, milliseconds);
    function lookAtTime(): void {
      const used = processorMs(child.pid ?? 0) ?? milliseconds;
      const isOver = performance.now() - startedAt >= milliseconds * patience;
      if (used < milliseconds && !isOver) {
        timer = setTimeout(lookAtTime, Math.max(milliseconds - used, milliseconds / 10));
        return;
      }
      isTooSlow = true;
      child.kill('SIGKILL');
    }
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptOutput);
    });
    child.on('message', (message: CandidateMessage) => {
      if ('step' in message) step = message.step;
      else trial = message.trial;
    });
    // Every error for as long as it lives: a signal or a message that cannot be sent is one too.
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(`cannot start: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(signal ?? `exit code ${code}`);
    });
    child.send(snapshot, (error) => {
      if (error) child.kill('SIGKILL');
    });
  });
  if (trial) return { ...trial, isConclusive: true };
  const failure = `${ended} ${output}`.trim();
  if (ended.startsWith('cannot start')) {
    return { ...failed({ file: '', line: 0 }, cannotStart), isConclusive: false, failure };
  }
  if (isTooSlow) {
    const message = `the policies took longer to check than ${milliseconds / 1000} s; it stopped here`;
    return { ...failed(step, message), isConclusive: false, failure };
  }
  // V8 and the engine end with SIGABRT, SIGTRAP or SIGSEGV where the files are too much. This is Linux, short of memory, or a person.
  if (ended === 'SIGKILL' || ended === 'SIGTERM') {
    const message = 'checking the policies was ended from outside (memory may be short); it is tried again';
    return { ...failed({ file: '', line: 0 }, message), isConclusive: false, failure };
  }
  return {
    ...failed(step, 'checking the policies ended here: they need more memory or depth than there is'),
    isConclusive: true,
    failure,
  };
}

/** Where Node keeps what it has compiled: half of what the process costs before it begins. Nothing when it keeps nothing. */
function compileCache(): Record<string, string> {
  const folder = process.env['NODE_COMPILE_CACHE'];
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}

const cannotStart = 'the policies cannot be checked: the process for it does not start; see the log';

function failed({ file, line }: Place, message: string): Trial {
  const problem: PolicyProblem = {
    file,
    line,
    column: line === 0 ? 0 : 1,
    severity: 'error',
    kind: 'file',
    message,
    help: 'write it in fewer words, with fewer brackets, or as several rules',
  };
  return { problems: [problem], casesPassed: 0, ruleCounts: new Map() };
}
