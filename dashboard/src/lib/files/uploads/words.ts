/** What is said of an upload. */
import { byteSize, counted, duration } from '#lib/words.ts';
import type { Upload } from './model.ts';
import type { Picture } from './picture.ts';

export function stateWords({ state, sent, size, read, problem }: Upload): string {
  switch (state) {
    case 'waiting':
      return 'Waits for its turn';
    case 'checking':
      return size > 8_000_000 ? `Reading it: ${byteSize(read)} of ${byteSize(size)}` : 'Reading it';
    case 'sending':
      return `${byteSize(sent)} of ${byteSize(size)}`;
    case 'finishing':
      return 'All is there; Knot compares it';
    case 'paused':
      return sent > 0 ? `Paused at ${byteSize(sent)} of ${byteSize(size)}` : 'Paused';
    case 'delayed':
      return problem?.message ?? 'Goes on by itself';
    case 'asked':
      return 'The name is taken';
    case 'failed':
      return [problem?.message, problem?.remedy].filter(Boolean).join(' ');
    case 'left':
      return byteSize(size);
    case 'done':
      return byteSize(size);
    case 'skipped':
      return 'Skipped';
  }
}

/** The headline of the panel. */
export function headline({ counts, total, isActive, isHalted }: Picture): string {
  if (isHalted) return 'Uploads stopped: you are signed out';
  if (isActive) return `Uploading ${counted(total - counts.done - counts.skipped, 'file', 'files')}`;
  if (counts.asked > 0) return counts.asked === 1 ? 'A name is taken' : `${counts.asked} names are taken`;
  if (counts.failed > 0) return `${counted(counts.failed, 'file was', 'files were')} not uploaded`;
  if (counts.paused > 0) return 'Uploads are paused';
  if (total === 0) return 'Unfinished uploads';
  return `${counted(counts.done, 'file is', 'files are')} uploaded`;
}

/** `34 MB of 2 GB, 12 MB a second, 2 min 5 s left`. */
export function progressWords({ sent, size, perSecond, left, isActive }: Picture): string {
  const parts = [`${byteSize(sent)} of ${byteSize(size)}`];
  if (isActive && perSecond) parts.push(`${byteSize(perSecond)} a second`);
  if (isActive && left !== undefined && left < 48 * 3600 * 1000) parts.push(`${duration(left)} left`);
  return parts.join(', ');
}
