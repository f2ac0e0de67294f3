import type { ComponentHealth } from '../../lib/index.ts';

/** What an operator is told of the watching of folders. */
export function watchHealth({ refusal }: { followed: number; refusal: string | undefined }): ComponentHealth {
  const name = 'files';
  if (refusal === undefined) return { name, status: 'ok', message: 'Changes of files are seen as they happen.' };
  return {
    name,
    status: 'warning',
    message: `The system watches no more folders for Knot (${refusal}): new files are seen later, and changes inside a file when its folder is opened anew.`,
    remedy:
      'Raise the kernel settings fs.inotify.max_user_watches and fs.inotify.max_user_instances, or close what else watches files.',
  };
}
