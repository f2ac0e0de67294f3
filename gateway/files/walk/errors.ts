import type { BigIntStats } from 'node:fs';
import { KnotError, knotError } from '../../lib/index.ts';
import { entryOf } from './entry.ts';

type SystemError = Error & { code?: string };

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? (error as SystemError).code : undefined;

/** What the kernel said about a path, as a sentence for the person who asked; what is nobody's mistake is handed on as it is. */
export function fileError(error: unknown): unknown {
  if (error instanceof KnotError) return error;
  switch (codeOf(error)) {
    case 'ENOENT':
      return knotError('KNOT_FILES_NOT_FOUND', 404, 'There is nothing of this name.', {
        remedy: 'Somebody may have moved or deleted it: reload the folder.',
        cause: error,
      });
    case 'ENOTDIR':
    case 'ELOOP':
      return notAFolder(error);
    case 'EISDIR':
      return notAFile(error);
    case 'EEXIST':
    case 'ENOTEMPTY':
      return taken(error);
    case 'ENAMETOOLONG':
      return knotError('KNOT_FILES_NAME', 400, 'The name is too long for this disk.', {
        remedy: 'Use a shorter name.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return knotError('KNOT_FILES_NO_ACCESS', 403, 'The system does not let Knot do this here.', {
        remedy: 'Ask an administrator to look at owner and mode of the folder.',
        cause: error,
      });
    case 'EBUSY':
      return knotError(
        'KNOT_FILES_BUSY',
        409,
        'It is in use by the system, for example as the place of another disk.',
        {
          remedy: 'Ask an administrator.',
          cause: error,
        },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return knotError('KNOT_FILES_DISK_FULL', 507, 'The disk that holds these files is full.', {
        remedy: 'Delete something and empty the trash, or ask an administrator for room.',
        cause: error,
      });
    default:
      return error;
  }
}

export const notAFolder = (cause?: unknown) =>
  knotError('KNOT_FILES_NOT_A_FOLDER', 409, 'A part of the path is a file or a link, not a folder.', {
    remedy: 'Links are never followed here, because they may lead out of the area. Use the folder itself.',
    cause,
  });

export const notAFile = (cause?: unknown) =>
  knotError('KNOT_FILES_NOT_A_FILE', 409, 'It is not a regular file.', {
    remedy: 'Folders, links, pipes and devices have no content that could be read or written here.',
    cause,
  });

export const notWhatWasSent = () =>
  knotError('KNOT_FILES_CHECKSUM', 400, 'What arrived is not what was sent: its SHA-256 is another one.', {
    remedy: 'Send it again; if it was being written meanwhile, when that is done.',
  });

/** `there`: what has the name, for who may see it. */
export const taken = (cause?: unknown, there?: BigIntStats) =>
  knotError('KNOT_FILES_TAKEN', 409, 'Something of this name is there already.', {
    remedy: 'Choose another name, or say which version may be replaced (If-Match).',
    cause,
    ...(there && { details: describeThere(there) }),
  });

export const isTaken = (error: unknown): boolean => error instanceof KnotError && error.code === 'KNOT_FILES_TAKEN';

function describeThere(there: BigIntStats): Record<string, unknown> {
  const { kind, size, modifiedAt, etag } = entryOf(undefined, there);
  return { kind, size, modifiedAt, etag };
}
