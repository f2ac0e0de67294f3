import { createReadStream, statSync } from 'node:fs';

/** One thing in an archive. Who owns it is a number (root by default); when it was changed is never told, so that equal contents make equal archives. */
export type Entry = {
  /** From the root of the archive, without a slash in front: `usr/local/bin/node`. */
  path: string;
  uid?: number;
  gid?: number;
} & (
  | { kind: 'folder'; mode?: number }
  | { kind: 'link'; to: string }
  | { kind: 'file'; mode?: number; content: string | Buffer }
  | { kind: 'file'; mode?: number; from: string }
);

const blockBytes = 512;

/**
 * The bytes of a tar archive (POSIX.1-2001 pax, which is ustar wherever a name fits) of the entries, in the order of their names and
 * with the folders above them. The same entries make the same bytes on every machine.
 * @throws Error for a name that is not one inside the archive, or that stands there twice
 */
export async function* tarOf(entries: readonly Entry[]): AsyncGenerator<Buffer> {
  for (const entry of inOrder(entries)) {
    if (entry.kind !== 'file') {
      yield* headersOf(entry, 0);
      continue;
    }
    if ('content' in entry) {
      const content = Buffer.from(entry.content);
      yield* headersOf(entry, content.length);
      yield content;
      yield padding(content.length);
      continue;
    }
    const { size } = statSync(entry.from);
    yield* headersOf(entry, size);
    let read = 0;
    for await (const chunk of createReadStream(entry.from, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      read += chunk.length;
      yield chunk;
    }
    if (read !== size) throw new Error(`${entry.from} changed while it was read: ${read} bytes in place of ${size}`);
    yield padding(size);
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** Parents first, each once. Names are compared by their bytes, so that the order is that of no language. */
function inOrder(entries: readonly Entry[]): Entry[] {
  const byPath = new Map<string, Entry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    if (entry.path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..'))
      throw new Error(`"${entry.path}" is no name inside an archive`);
    if (byPath.has(entry.path)) throw new Error(`"${entry.path}" stands in the archive twice`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const known = byPath.get(parent);
      if (known !== undefined && known.kind !== 'folder')
        throw new Error(`"${parent}" is no folder, but holds "${path}"`);
      if (known === undefined) byPath.set(parent, { kind: 'folder', path: parent });
    }
  }
  return [...byPath.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

const types = { file: '0', link: '2', folder: '5' } as const;

function* headersOf(entry: Entry, size: number): Generator<Buffer> {
  const name = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
  const target = entry.kind === 'link' ? entry.to : '';
  const records: [string, string][] = [];
  if (!fits(name)) records.push(['path', name]);
  if (!fits(target)) records.push(['linkpath', target]);
  if (size > 0o77777777777) records.push(['size', String(size)]);
  if (records.length > 0) {
    const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
    yield header({ name: 'pax', type: 'x', size: body.length, mode: 0o644, target: '', uid: 0, gid: 0 });
    yield body;
    yield padding(body.length);
  }
  yield header({
    name: fits(name) ? name : 'long',
    type: types[entry.kind],
    size: Math.min(size, 0o77777777777),
    mode: modeOf(entry),
    target: fits(target) ? target : '',
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
  });
}

function modeOf(entry: Entry): number {
  if (entry.kind === 'link') return 0o777;
  return entry.mode ?? (entry.kind === 'folder' ? 0o755 : 0o644);
}

/** Whether a name stands in a ustar header as it is, in every reader's understanding. */
function fits(name: string): boolean {
  return /^[\x20-\x7e]{0,100}$/.test(name);
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(fields: {
  name: string;
  type: string;
  size: number;
  mode: number;
  target: string;
  uid: number;
  gid: number;
}): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at, 'ascii');
  block.write(fields.name, 0, 'ascii');
  octal(fields.mode, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.size, 124, 11);
  octal(0, 136, 11);
  block.write(fields.type, 156, 'ascii');
  block.write(fields.target, 157, 'ascii');
  block.write('ustar\x0000', 257, 'ascii');
  // The sum of all bytes, its own field counted as blanks.
  block.fill(0x20, 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}
