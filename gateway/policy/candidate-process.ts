/**
 * The entrance of the process in which policy files are tried (`candidate.ts` starts it). Told one reading of the folder, it
 * tells each step and at last the outcome, and ends. Nothing else: no store, no configuration, no secrets.
 */
import { writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { Snapshot } from './folder.ts';
import { type Place, type Trial, tryPolicies } from './trial.ts';

export type CandidateMessage = { step: Place } | { trial: Trial };

const tell = (message: CandidateMessage, told = (): void => undefined): void => void process.send?.(message, told);

/**
 * Not by `process.exit`: Node waits there for threads that compile, and one that needs memory waits for a collection by the thread that
 * waits for it (https://github.com/nodejs/node/issues/54918). Seen on a busy machine; the outcome was taken only when all time of the
 * trial was over, two minutes later.
 */
function end(): void {
  flushCompileCache();
  process.kill(process.pid, 'SIGKILL');
}

// Where memory is short, Linux ends this process first and not the gateway (proc_pid_oom_score_adj(5)).
try {
  writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // Another system, or not allowed: then the kernel chooses by size.
}

// The gateway is gone.
process.on('disconnect', end);

process.once('message', (snapshot: Snapshot) => {
  tryPolicies(snapshot, (step) => tell({ step })).then(
    (trial) => tell({ trial }, end),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
