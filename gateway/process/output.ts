import type { Readable } from 'node:stream';

const maxLines = 50;
const maxLineLength = 2000;

/** Who reads what a child writes. */
export type ChildOutput = {
  /** The last lines, newest last, without control characters. */
  lines(): readonly string[];
  /** Without a stream (a process that could not be made for want of file descriptors has none) there is nothing to read. */
  read(stream: Readable | null | undefined, onLine: (line: string) => void, from: 'out' | 'err'): void;
};

/**
 * Splits a child's output into lines and keeps the last ones. Memory is bounded whatever the child prints: an endless line is
 * cut, terminal colours and other control characters are removed (a log line must not forge another).
 */
export function createOutputTail(): ChildOutput {
  const kept: string[] = [];
  return {
    lines: () => [...kept],
    read(stream, onLine) {
      if (!stream) return;
      let partial = '';
      const take = (raw: string) => {
        const line = stripControl(raw).slice(0, maxLineLength).trimEnd();
        if (line === '') return;
        kept.push(line);
        if (kept.length > maxLines) kept.shift();
        onLine(line);
      };
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const pieces = (partial + chunk).split(/\r?\n|\r/);
        partial = pieces.pop()!;
        for (const piece of pieces) take(piece);
        if (partial.length > maxLineLength) {
          take(partial);
          partial = '';
        }
      });
      stream.on('end', () => take(partial));
      // A pipe that breaks says nothing the child's exit does not say better.
      stream.on('error', () => stream.destroy());
    },
  };
}

function stripControl(text: string): string {
  // eslint-disable-next-line no-control-regex -- removing control characters is the purpose
  return text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}
