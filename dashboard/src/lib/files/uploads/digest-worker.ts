/**
 * SHA-256 of one file after another, beside the page and without holding any of them in memory: WebCrypto has no digest that takes
 * its input in pieces. In WebAssembly, which is several times as fast as script; a worker has the Content-Security-Policy of its own
 * answer (CSP Level 3, section 4.2), so that the page's needs no `wasm-unsafe-eval`.
 */
import { createSHA256 } from 'hash-wasm';

export type DigestQuestion = { id: number; file: Blob };
export type DigestAnswer = { id: number } & ({ bytes: number } | { sha256: string } | { failed: string });

const tellEveryBytes = 8 << 20;
/** The type of the page's `self` is a window; a worker has `postMessage` with one argument. */
const answer = (message: DigestAnswer): void =>
  (self as unknown as { postMessage(data: unknown): void }).postMessage(message);

let hash: Awaited<ReturnType<typeof createSHA256>> | undefined;
let last: Promise<void> = Promise.resolve();
addEventListener('message', ({ data }: MessageEvent<DigestQuestion>) => {
  last = last.then(() => digest(data)).catch((error: unknown) => answer({ id: data.id, failed: String(error) }));
});

async function digest({ id, file }: DigestQuestion): Promise<void> {
  hash ??= await createSHA256();
  hash.init();
  const reader = file.stream().getReader();
  let bytes = 0;
  let told = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    hash.update(piece.value);
    bytes += piece.value.length;
    if (bytes - told >= tellEveryBytes) answer({ id, bytes: (told = bytes) });
  }
  // A file that became shorter ends early in some browsers instead of failing.
  if (bytes !== file.size) throw new Error('the file has another length than it had');
  answer({ id, sha256: hash.digest() });
}
