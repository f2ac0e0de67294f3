import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, opendir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { PolicyProblem } from './status.ts';

export type SourceFile = { name: string; text: string; modifiedAt: number; kind: 'schema' | 'rules' | 'cases' };

/** One reading of the folder. `hash` covers names and bytes: equal hashes mean there is nothing new. */
export type Snapshot = { files: SourceFile[]; problems: PolicyProblem[]; hash: string };

export const schemaName = 'schema.cedarschema';

const maxFileBytes = 256 * 1024;
const maxTotalBytes = 4 * 1024 * 1024;
const maxFiles = 500;
/** Of whatever kind: a folder with more is not one of policies. */
const maxNames = 5_000;

/**
 * Reads the schema, the rules and the cases. Never fails: what cannot be read is a problem. Only plain files directly in the
 * folder are read; a link is followed as long as it stays inside. When `..data` exists (a Kubernetes ConfigMap or Secret
 * volume) everything is read from the folder it points to at this moment, so that a swap in between cannot mix two versions.
 */
export async function readFolder(folder: string): Promise<Snapshot> {
  const files: SourceFile[] = [];
  const problems: PolicyProblem[] = [];
  const complain = (
    file: string,
    message: string,
    help?: string,
    severity: PolicyProblem['severity'] = 'error',
  ): void =>
    void problems.push({ file, line: 0, column: 0, severity, kind: 'file', message, ...(help ? { help } : {}) });
  let names: string[];
  let root: string;
  let source: string;
  try {
    root = await realpath(folder);
    source = await realpath(join(root, '..data')).catch(() => root);
    if (!isInside(root, source)) source = root;
    names = await namesIn(source);
  } catch (error) {
    complain(
      '',
      `the policies folder cannot be read: ${reasonOf(error)}`,
      `create it, or name another one (KNOT_POLICIES)`,
    );
    return { files, problems, hash: hashOf(files, problems) };
  }
  if (names.length > maxNames) complain('', `the folder holds more than ${maxNames} files; the rest is not read`);
  let total = 0;
  for (const name of names.slice(0, maxNames).sort()) {
    const kind = kindOf(name);
    if (kind === undefined) {
      warnAboutName(name, complain);
      continue;
    }
    const result = await readPlainFile(source, root, name);
    if (typeof result === 'string') {
      complain(name, result);
      continue;
    }
    total += result.bytes;
    if (files.length >= maxFiles || total > maxTotalBytes) {
      complain('', `the folder holds more than ${maxFiles} files or ${maxTotalBytes / 1024 / 1024} MiB of rules`);
      break;
    }
    files.push({ name, kind, text: result.text, modifiedAt: result.modifiedAt });
  }
  if (!files.some((file) => file.kind === 'schema') && !problems.some((problem) => problem.file === schemaName)) {
    complain(schemaName, `${schemaName} is missing`, 'copy it from the policies folder that Knot ships');
  }
  return { files, problems, hash: hashOf(files, problems) };
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of await opendir(folder)) {
    if (!name.startsWith('.')) names.push(name);
    if (names.length > maxNames) break;
  }
  return names;
}

function kindOf(name: string): SourceFile['kind'] | undefined {
  if (name === schemaName) return 'schema';
  if (name.endsWith('.cedar')) return 'rules';
  if (name.endsWith('.cases.yaml')) return 'cases';
  return undefined;
}

function warnAboutName(
  name: string,
  complain: (file: string, message: string, help: string, severity: 'warning') => void,
) {
  if (name.endsWith('.cases.yml')) complain(name, 'the file is not read', 'name it *.cases.yaml', 'warning');
  if (name.endsWith('.cedarschema'))
    complain(name, 'the file is not read', `there is one schema: ${schemaName}`, 'warning');
}

type Content = { text: string; bytes: number; modifiedAt: number };

/** The content, or the reason why there is none. */
async function readPlainFile(source: string, root: string, name: string): Promise<Content | string> {
  try {
    const path = await realpath(join(source, name));
    if (!isInside(root, path)) return 'the file is a link that leads out of the policies folder';
    // Non-blocking, because opening a named pipe would wait for a writer for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return 'this is not a plain file';
      if (stat.size > maxFileBytes) return `the file is larger than ${maxFileBytes / 1024} KiB`;
      const bytes = Buffer.alloc(maxFileBytes + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
        length += bytesRead;
        if (bytesRead === 0 || length === bytes.length) break;
      }
      if (length > maxFileBytes) return `the file is larger than ${maxFileBytes / 1024} KiB`;
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
      return { text, bytes: length, modifiedAt: Math.round(stat.mtimeMs) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TypeError) return 'the file is not UTF-8 text';
    return `the file cannot be read: ${reasonOf(error)}`;
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'ENOTDIR') return 'it is not a folder';
  if (code === 'ELOOP') return 'it is a link that leads nowhere';
  return code ?? 'unknown error';
}

function hashOf(files: readonly SourceFile[], problems: readonly PolicyProblem[]): string {
  const hash = createHash('sha256');
  for (const { name, text } of files) hash.update(`${name.length}:${name}${text.length}:${text}`);
  for (const { file, message } of problems) hash.update(`!${file}:${message}`);
  return hash.digest('hex');
}
