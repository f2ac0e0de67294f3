import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
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
    writeFileSync(join(own, file), `${lines.join('\n')}\n`);
    // Whatever the gateway's umask says: it is read by another account.
    chmodSync(join(own, file), 0o644);
    return { source: join(own, file), target: `/etc/${file}`, isWritable: false };
  });
}
