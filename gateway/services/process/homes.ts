import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock } from '../../lib/index.ts';

const run = promisify(execFile);
const longestMs = 10 * 60_000;

/**
 * How much services keep in their homes. There are no quotas of folders that every file system has, so it is counted: by du(1), outside
 * this process and behind everything else, whenever the disk has lost room for an eighth of what one may keep, and every ten minutes.
 * One that writes at full speed is found an eighth over its bound, or at the next sample.
 */
export function createHomes(options: {
  root: string;
  homeOf(id: string): string;
  mostBytes: number;
  clock: Clock;
  bytesIn?: ((folder: string) => Promise<number>) | undefined;
}) {
  const { root, homeOf, mostBytes, clock, bytesIn = diskUsage } = options;
  let last: { at: number; free: number } | undefined;
  let isLooking = false;

  async function isDue(): Promise<boolean> {
    const { bavail, bsize } = await statfs(root);
    const now = { at: clock.now(), free: bavail * bsize };
    if (last !== undefined && now.at - last.at < longestMs && last.free - now.free < mostBytes / 8) {
      // Room that was made counts as lost again when it is taken.
      last.free = Math.max(last.free, now.free);
      return false;
    }
    last = now;
    return true;
  }

  return {
    /** Those of these services that keep more than they may; nothing while nobody needs to look, or somebody looks already. */
    async over(ids: readonly string[]): Promise<string[]> {
      if (isLooking || ids.length === 0) return [];
      isLooking = true;
      try {
        if (!(await isDue())) return [];
        const found: string[] = [];
        for (const id of ids) if ((await bytesIn(homeOf(id))) > mostBytes) found.push(id);
        return found;
      } finally {
        isLooking = false;
      }
    },
  };
}

/** Blocks of the disk; what cannot be counted counts as nothing. */
async function diskUsage(folder: string): Promise<number> {
  try {
    const args = ['-n', '19', 'du', '-sx', '--block-size=1', folder];
    const { stdout } = await run('nice', args, { timeout: 60_000, env: { PATH: '/usr/bin:/bin' } });
    return Number.parseInt(stdout, 10);
  } catch (error) {
    // What disappears meanwhile makes it complain, and count the rest.
    return Number.parseInt((error as { stdout?: string }).stdout ?? '', 10) || 0;
  }
}
