import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from '../../process/index.ts';
import { inside } from './layout.ts';

/**
 * Who the account of a service is, for programs that ask (getpwuid(3): PostgreSQL, shells and ssh do, and end without an answer). Of
 * the accounts of the machine nothing is told. Returns what to show at which place.
 */
export function identityFiles(
  folder: string,
  { name, account }: { name: string; account: Account | undefined },
): { source: string; target: string; isWritable: false }[] {
  const { uid, gid } = account ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const own = join(folder, `${uid}-${name}`);
  mkdirSync(own, { recursive: true, mode: 0o755 });
  const root = uid === 0 ? [] : [`root:x:0:0:root:/:/bin/sh`];
  const files = {
    passwd: [
      ...root,
      `${name}:x:${uid}:${gid}:${name}:${inside.home}:/bin/bash`,
      'nobody:x:65534:65534:nobody:/:/bin/false',
    ],
    group: [...(gid === 0 ? [] : ['root:x:0:']), `${name}:x:${gid}:`, 'nogroup:x:65534:'],
  };
  return Object.entries(files).map(([file, lines]) => {
    const source = join(own, file);
    writeWhole(source, `${lines.join('\n')}\n`);
    return { source, target: `/etc/${file}`, isWritable: false };
  });
}

/** Services that run have the file in sight: it stays as it is, or another one takes its name. */
function writeWhole(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writeFileSync(`${path}.new`, text);
  // Whatever the gateway's umask says: it is read by another account.
  chmodSync(`${path}.new`, 0o644);
  renameSync(`${path}.new`, path);
}
