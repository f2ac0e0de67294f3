import type { Readable } from 'node:stream';
import type { ChildOutput } from '../../process/index.ts';
import { type Book, lines } from './book.ts';
import { createCutter } from './cutter.ts';
import { type OutputLine, plain } from './line.ts';

/** Of each program in a second: more is not read, so that one that writes without end waits instead of costing time. */
const readPerSecond = 2 * 1024 * 1024;
/** Of that is kept; what comes faster is left out, with a mark. */
const keptPerSecond = 128 * 1024;
const keptAtOnce = 2 * 1024 * 1024;
/** What a line costs besides its text. */
const lineCost = 32;
/** A line that is not ended yet is shown as it is when nothing more came for so long. */
const silenceMs = 1_000;
const tailLines = 50;
const tailLineLength = 2_000;

/** What is read of the program of one service, in the form that the supervisor asks for. */
export type ServiceReading = ChildOutput & {
  /** Notes something; `behind`: after what the program said so far, also what is still on its way. */
  mark(text: string, behind?: 'output'): void;
};

/** Brings what a program writes into the book of its service. `now`: a clock that only goes forward, milliseconds. */
export function readInto(book: Book, now: () => number = () => performance.now()): ServiceReading {
  const tail: string[] = [];
  const allowance = createAllowance(keptPerSecond, keptAtOnce, now);
  let leftOut = 0;
  let open = 0;
  let marks = Promise.resolve();

  function take(from: OutputLine['from'], line: string, onLine: (line: string) => void): void {
    if (!allowance.take(line.length + lineCost)) {
      leftOut += 1;
      return;
    }
    tellLeftOut();
    book.add(from, line);
    const said = plain(line).slice(0, tailLineLength).trimEnd();
    if (said === '') return;
    tail.push(said);
    if (tail.length > tailLines) tail.shift();
    onLine(said);
  }

  function tellLeftOut(): void {
    if (leftOut === 0) return;
    book.add('knot', `${lines(leftOut)} left out: the program wrote more than is kept.`);
    leftOut = 0;
  }

  function read(stream: Readable | null | undefined, onLine: (line: string) => void, from: 'out' | 'err'): void {
    if (!stream) return;
    open += 1;
    const cutter = createCutter((line) => take(from, line, onLine));
    let silence: NodeJS.Timeout | undefined;
    let pause: NodeJS.Timeout | undefined;
    const rest = (): void => {
      clearTimeout(silence);
      silence = undefined;
      cutter.flush();
      tellLeftOut();
    };
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      cutter.write(text);
      silence ??= setTimeout(look, silenceMs);
      lastAt = now();
      const waitMs = book.isBehind() ? 200 : (text.length / readPerSecond) * 1000;
      // A piece as it comes of a pipe that is full: more waits behind it.
      if (text.length < 4096 && waitMs < 200) return;
      stream.pause();
      pause = setTimeout(() => stream.resume(), waitMs);
    });
    let lastAt = 0;
    const look = (): void => {
      const quietMs = now() - lastAt;
      if (quietMs >= silenceMs) return rest();
      silence = setTimeout(look, silenceMs - quietMs);
    };
    stream.once('close', () => {
      clearTimeout(pause);
      rest();
      open -= 1;
      if (open === 0) for (const wake of closing.splice(0)) wake();
    });
    // A pipe that breaks says nothing the child's exit does not say better.
    stream.on('error', () => stream.destroy());
  }

  const closing: (() => void)[] = [];
  /** All that the program wrote was read; something that it started may hold its pipes open, and is not waited for. */
  const closed = (): Promise<void> =>
    new Promise((resolve) => {
      if (open === 0) return resolve();
      const timer = setTimeout(resolve, silenceMs);
      closing.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });

  return {
    lines: () => [...tail],
    read,
    mark(text, behind) {
      marks = marks.then(behind && closed).then(() => book.add('knot', text));
      book.waitFor(marks);
    },
  };
}

function createAllowance(perSecond: number, atOnce: number, now: () => number) {
  let left = atOnce;
  let at = now();
  let isOut = false;
  return {
    take(cost: number): boolean {
      const time = now();
      left = Math.min(atOnce, left + ((time - at) / 1000) * perSecond);
      at = time;
      // Once it is out, some of it must have come back: lines that are kept and lines that are left out would alternate.
      isOut = isOut ? left < perSecond / 2 : left < cost;
      if (isOut) return false;
      left -= cost;
      return true;
    },
  };
}
