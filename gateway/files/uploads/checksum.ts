import { createHash } from 'node:crypto';
import { closeSync, createReadStream } from 'node:fs';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Name } from '../walk/names.ts';

/** SHA-256 of a file, lower-case hexadecimal. Over all of it, because an upload may have been written by several gateways. */
export async function sha256Of(folder: HeldFolder, name: Name): Promise<string> {
  const descriptor = folder.file(name);
  const hash = createHash('sha256');
  try {
    const file = createReadStream('', { fd: descriptor, autoClose: false, highWaterMark: 1 << 20 });
    for await (const chunk of file as AsyncIterable<Buffer>) hash.update(chunk);
    return hash.digest('hex');
  } finally {
    closeSync(descriptor);
  }
}
