/** The body of a thread that derives password hashes and does nothing else (`hash-threads.ts` starts it). */
import { argon2Sync } from 'node:crypto';
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Derivation, Derived } from './hash-threads.ts';

/** Of 19: enough that whoever waits for the event loop hardly notices, and a busy machine still signs people in. */
const lessUrgent = 10;

giveWay();
parentPort!.on('message', (wanted: Derivation) => {
  parentPort!.postMessage(derive(wanted));
});

function derive({ password, salt, length, parameters }: Derivation): Derived {
  try {
    return { hash: argon2Sync('argon2id', { message: password, nonce: salt, tagLength: length, ...parameters }) };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

/**
 * Where this thread and the event loop want the same processor, the loop goes first. On Linux a priority belongs to a thread, and without
 * a process id it is the calling one's (setpriority(2), "C library/kernel differences"); elsewhere it would be the whole gateway's.
 */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Math.min(19, getPriority() + lessUrgent));
  } catch {
    // A sandbox that forbids it only makes sign-ins felt by others.
  }
}
