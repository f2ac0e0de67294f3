import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock } from '../../lib/index.ts';

const run = promisify(execFile);
const longestMs = 10 * 60_000;

/**
 * Tells when counting is worth while: the disk of a folder has lost so many bytes since it was last said to be, or ten minutes are over.
 * There are no quotas of folders that every file system has, so folders are counted.
 */
export function createLostRoom({ root, bytes, clock }: { root: string; bytes: number; clock: Clock }) {
  let last: { at: number; free: number } | undefined;
  return {
    async isDue(): Promise<boolean> {
      const { bavail, bsize } = await statfs(root);
      const now = { at: clock.now(), free: bavail * bsize };
      if (last !== undefined && now.at - last.at < longestMs && last.free - now.free < bytes) {
        // Room that was made counts as lost again when it is taken.
        last.free = Math.max(last.free, now.free);
        return false;
      }
      last = now;
      return true;
    },
  };
}

/** Blocks of the disk, by du(1), outside this process and behind everything else; what cannot be counted counts as nothing. */
export async function diskUsage(folder: string): Promise<number> {
  try {
    const args = ['-n', '19', 'du', '-sx', '--block-size=1', folder];
    const { stdout } = await run('nice', args, { timeout: 60_000, env: { PATH: '/usr/bin:/bin' } });
    return Number.parseInt(stdout, 10);
  } catch (error) {
    // What disappears meanwhile makes it complain, and count the rest.
    return Number.parseInt((error as { stdout?: string }).stdout ?? '', 10) || 0;
  }
}
