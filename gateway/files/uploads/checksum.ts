import { createHash } from 'node:crypto';
import { closeSync, createReadStream } from 'node:fs';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Name } from '../walk/names.ts';

/** SHA-256 of a file, lower-case hexadecimal. Over all of it, because an upload may have been written by several gateways. */
export async function sha256Of(folder: HeldFolder, name: Name): Promise<string> {
  const descriptor = folder.file(name);
  try {
    return await sha256OfOpen(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The same of an open file, from its beginning; it stays open. */
export async function sha256OfOpen(descriptor: number, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const file = createReadStream('', { fd: descriptor, autoClose: false, start: 0, highWaterMark: 1 << 20 });
  for await (const chunk of file as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
