import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why there can be no small disk here, or false. */
export const smallDiskSkipReason = (): string | false =>
  process.platform !== 'linux' || process.getuid?.() !== 0 ? 'needs root to mount a small tmpfs' : false;

/** A folder that is a disk of its own. */
export type SmallDisk = {
  folder: string;
  /** Leaves no room on it. */
  fill(): void;
  /** It has this size from now on (mount(8), "size=": 8m). */
  resize(size: string): void;
};

/** Mounts it until the end of the test. `size`: mount(8), "size=". @throws where mounting is not allowed */
export function openSmallDisk(t: { teardown(end: () => void): void }, size: string): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'knot-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  t.teardown(() => {
    execFileSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  return {
    folder,
    fill() {
      try {
        for (let n = 0; ; n += 1) writeFileSync(join(folder, `filler-${n}`), Buffer.alloc(4096));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    resize: (larger) => void execFileSync('mount', ['-o', `remount,size=${larger}`, folder]),
  };
}
