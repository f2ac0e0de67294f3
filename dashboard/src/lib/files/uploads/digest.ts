import type { DigestAnswer, DigestQuestion } from './digest-worker.ts';

/** Reckons SHA-256 (hexadecimal) of one file at a time. @throws Error when it cannot be read, or `signal` says so */
export type Digest = (file: Blob, told: (bytes: number) => void, signal: AbortSignal) => Promise<string>;

/** In a worker, which is made at the first question and ended by `close`. */
export function createDigest(): { digest: Digest; close(): void } {
  let worker: Worker | undefined;
  let fail: (error: Error) => void = () => undefined;
  let lastId = 0;

  function close(): void {
    worker?.terminate();
    worker = undefined;
    fail(new Error('given up'));
  }

  return {
    digest: (file, told, signal) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        fail = reject;
        worker ??= new Worker(new URL('./digest-worker.ts', import.meta.url), { type: 'module' });
        worker.onerror = close;
        worker.onmessage = ({ data }: MessageEvent<DigestAnswer>) => {
          if (data.id !== id) return;
          if ('bytes' in data) told(data.bytes);
          else if ('sha256' in data) resolve(data.sha256);
          else reject(new Error(data.failed));
        };
        worker.postMessage({ id, file } satisfies DigestQuestion);
        // A large file is not read to its end for nobody.
        signal.addEventListener('abort', () => lastId === id && close(), { once: true });
      }),
    close,
  };
}
