import { KnotError } from '../lib/index.ts';
import type { Cause, Size } from './service.ts';

/** What a service may take at most, and was counted to have wanted more of: by the kernel or by Knot, whatever its program said. */
export type Crossed = 'memory' | 'processes' | 'disk' | 'files';

/** How a program ended, and the last it said. */
export type End = {
  reason: string;
  lines: readonly string[];
  crossed?: Crossed | undefined;
  size?: Size | undefined;
  /** What the files of its owner took when they were counted, and may take, in bytes. */
  room?: { bytes: number; limit: number } | undefined;
};

const remedies = {
  memory: 'Choose a larger size, or let it work on less at a time.',
  processes: 'Let it start fewer programs at a time.',
  disk: 'It can be started again to tidy up; it is stopped again if that does not happen. Large files belong into your files.',
  files:
    'Delete what is not needed and empty the trash, or ask for a larger plan. It can be started again to tidy up; it is stopped again when it adds more.',
};

/** The button beside a cause follows from its code: `no-memory` leads to the size. */
const crossings: Record<Crossed, (end: Pick<End, 'size' | 'room'>) => Pick<Cause, 'code' | 'what' | 'remedy'>> = {
  memory: ({ size }) => ({
    code: 'no-memory',
    what: `It needed more memory than its size has${size === undefined ? '' : ` (${size.title}: ${gibibytes(size.memory)})`}.`,
    remedy: remedies.memory,
  }),
  processes: () => ({
    code: 'no-processes',
    what: 'It started more programs at a time than a service may.',
    remedy: remedies.processes,
  }),
  disk: () => ({
    code: 'home-full',
    what: 'It kept more in its own home than a service may.',
    remedy: remedies.disk,
  }),
  files: ({ room }) => ({
    code: 'files-full',
    what: `The files of its owner take more room than they may${room === undefined ? '' : ` (${gibibytes(room.bytes)} of ${gibibytes(room.limit)}, the trash included)`}, and more was added while it ran.`,
    remedy: remedies.files,
  }),
};

const gibibytes = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${Number((bytes / 1024 ** 3).toFixed(1))} GiB` : `${Math.round(bytes / 1024 ** 2)} MiB`;

type Row = { code: string; matches: RegExp; what: string; remedy: string };

/** From what a program said, or how it ended, to plain words. The first row that matches is told. */
const rows: readonly Row[] = [
  {
    code: 'port-taken',
    matches: /EADDRINUSE|address already in use/i,
    what: 'Another program of the service listens at its address already.',
    remedy: 'Start it again; if that does not help, change the template so that one program listens there.',
  },
  {
    code: 'no-program',
    matches: /is not installed on this machine|exit code 127\b|does not exist$/,
    what: 'A program that it needs is not installed on this machine.',
    remedy: 'Ask an administrator to install it; the template says what it needs.',
  },
  {
    code: 'no-memory',
    matches: /out of memory|MemoryError|Cannot allocate memory|heap limit/i,
    what: 'It needed more memory than it may have.',
    remedy: remedies.memory,
  },
  {
    code: 'no-descriptors',
    matches: /\bEMFILE\b|Too many open files/i,
    what: 'It opened more files at a time than a service may.',
    remedy: 'Let it close what it does not need; its last lines may say what it opens.',
  },
  {
    code: 'no-processes',
    matches: /Cannot fork|can't start new thread|fork: .*Resource temporarily unavailable|spawn .*EAGAIN/i,
    what: 'It started more programs at a time than a service may.',
    remedy: remedies.processes,
  },
  {
    code: 'file-too-large',
    matches: /SIGXFSZ|File size limit exceeded|\bEFBIG\b|File too large|exit code 153\b/i,
    what: 'It wrote a file that is larger than a service may keep.',
    remedy: 'Let it write smaller files.',
  },
  {
    code: 'disk-full',
    matches: /ENOSPC|No space left on device|EDQUOT|quota exceeded/i,
    what: 'There was no room left to write.',
    remedy: 'Remove what is not needed, also from the trash, or ask for a larger plan.',
  },
  {
    code: 'no-file',
    matches: /ENOENT|No such file or directory|FileNotFoundError/i,
    what: 'It did not find a file or folder that it was told to use.',
    remedy: 'Compare the paths in its values with your files.',
  },
  {
    code: 'not-allowed',
    matches: /EACCES|EPERM|Permission denied/i,
    what: 'It was not allowed to use a file or folder.',
    remedy: 'Choose a folder that is yours or your team’s.',
  },
  {
    code: 'no-module',
    matches: /ModuleNotFoundError|Cannot find (?:module|package)|ImportError/,
    what: 'A package that it needs is missing.',
    remedy: 'Ask the author of the template to name it under `needs`.',
  },
  {
    code: 'slow',
    matches: /did not answer in time/,
    what: 'It did not answer in the time that its template gives it.',
    remedy: 'Start it again; where it is slow every time, the template may allow more seconds.',
  },
];

const shownLines = 20;

/** Why a program ended, for its owner, with the lines that show it. */
export function causeOf({ reason, lines, crossed, size, room }: End): Cause {
  const said = lines.slice(-shownLines);
  if (crossed !== undefined) return { ...crossings[crossed]({ size, room }), ...(said.length > 0 && { lines: said }) };
  const text = `${said.join('\n')}\n${reason}`;
  const row = rows.find(({ matches }) => matches.test(text));
  const { code, what, remedy } = row ?? {
    code: 'ended',
    what: `Its program ${reason}.`,
    remedy: 'Its last lines may say why; correct its values and start it again.',
  };
  return { code, what, remedy, ...(said.length > 0 && { lines: said }) };
}

/** Why a service sleeps. */
export const leftAlone: Cause = {
  code: 'left-alone',
  what: 'Nobody used it for a while.',
  remedy: 'Open it, and it wakes.',
};

/** Why a service could not even be begun. What Knot says itself is said; anything else is for the log. */
export function causeOfError(error: unknown): Cause {
  const isSaid = error instanceof KnotError;
  return {
    code: 'not-begun',
    what: isSaid ? error.message : 'Knot could not start it.',
    remedy:
      (isSaid ? error.remedy : undefined) ??
      'Start it again; if that does not help, an administrator finds the reason in the log.',
  };
}
