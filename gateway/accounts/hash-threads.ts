import { Worker } from 'node:worker_threads';

/** One hash to be derived: argon2id (RFC 9106), memory in KiB. */
export type Derivation = {
  password: string;
  salt: Uint8Array;
  /** Bytes of the hash. */
  length: number;
  parameters: { memory: number; passes: number; parallelism: number };
};

/** What a thread answers. */
export type Derived = { hash: Uint8Array } | { failure: string };

/** A hash, and how long a thread was busy with it. */
export type TimedHash = { hash: Buffer; milliseconds: number };

export type HashThreads = {
  /** Resolves with the hash; what is asked first is derived first. Rejects when it cannot be derived. */
  derive(wanted: Derivation): Promise<TimedHash>;
};

type Job = { wanted: Derivation; startedAt: number; resolve(hash: TimedHash): void; reject(error: Error): void };

const bodyFile = new URL('./hash-thread.ts', import.meta.url);

/**
 * Threads for passwords alone, at most so many, started when they are needed and kept. They are not those of Node's own pool, so that
 * files, names and commits never wait behind passwords, and they can be less urgent than the event loop (decision 0016).
 */
export function createHashThreads(most: number, body: URL = bodyFile): HashThreads {
  const waiting: Job[] = [];
  const idle: Worker[] = [];
  const working = new Map<Worker, Job>();

  function start(): Worker {
    const thread = new Worker(body, { name: 'passwords' });
    thread.on('message', (derived: Derived) => {
      const job = working.get(thread)!;
      working.delete(thread);
      thread.unref();
      idle.push(thread);
      if ('hash' in derived)
        job.resolve({ hash: Buffer.from(derived.hash), milliseconds: performance.now() - job.startedAt });
      else job.reject(new Error(`a password could not be hashed: ${derived.failure}`));
      next();
    });
    // `exit` follows.
    thread.on('error', (error: Error) => working.get(thread)?.reject(error));
    thread.on('exit', () => {
      working.get(thread)?.reject(new Error('the thread that hashes passwords ended'));
      working.delete(thread);
      const place = idle.indexOf(thread);
      if (place >= 0) idle.splice(place, 1);
      next();
    });
    return thread;
  }

  function next(): void {
    while (waiting.length > 0 && working.size < most) {
      const thread = idle.pop() ?? start();
      const job = waiting.shift()!;
      job.startedAt = performance.now();
      working.set(thread, job);
      // Only work that somebody waits for keeps the process alive.
      thread.ref();
      thread.postMessage(job.wanted);
    }
  }

  return {
    derive: (wanted) =>
      new Promise((resolve, reject) => {
        waiting.push({ wanted, startedAt: 0, resolve, reject });
        next();
      }),
  };
}
