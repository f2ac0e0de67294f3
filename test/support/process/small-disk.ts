import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let refusal: string | false | undefined;

/** Why there can be no small disk here, or false. Where a run must not leave tests out, root that may not mount fails them. */
export function smallDiskSkipReason(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root to mount a small tmpfs';
  if (process.env['CI'] === 'true') return false;
  return (refusal ??= tried());
}

function tried(): string | false {
  const folder = mkdtempSync(join(tmpdir(), 'knot-disk-'));
  try {
    mountSmallDisk(folder, '64k')();
    return false;
  } catch {
    return 'mounting is not allowed here';
  } finally {
    rmdirSync(folder);
  }
}

/** A folder that is a disk of its own. */
export type SmallDisk = {
  folder: string;
  /** Leaves no room on it, not for a byte. */
  fill(): void;
  /** Takes back what filled it. */
  free(): void;
  /** It has this size from now on (mount(8), "size=": 8m). */
  resize(size: string): void;
};

/**
 * Mounts one over a folder that is there, until what is answered is called. `size`: mount(8), "size=".
 * @throws where mounting is not allowed
 */
export function mountSmallDisk(folder: string, size: string): () => void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  return () => void execFileSync('umount', ['-l', folder]);
}

/** One until the end of the test, in a folder of its own or over `at`, which is there and stays. */
export function openSmallDisk(t: { teardown(end: () => void): void }, size: string, at?: string): SmallDisk {
  const folder = at ?? mkdtempSync(join(tmpdir(), 'knot-disk-'));
  const unmount = mountSmallDisk(folder, size);
  t.teardown(() => {
    unmount();
    if (at === undefined) rmdirSync(folder);
  });
  const fillers: string[] = [];
  return {
    folder,
    fill() {
      try {
        // Page by page, as the disk is divided.
        for (;;) {
          fillers.push(join(folder, `filler-${fillers.length}`));
          writeFileSync(fillers.at(-1)!, Buffer.alloc(4096));
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    free() {
      for (const path of fillers.splice(0)) rmSync(path, { force: true });
    },
    resize: (larger) => void execFileSync('mount', ['-o', `remount,size=${larger}`, folder]),
  };
}
