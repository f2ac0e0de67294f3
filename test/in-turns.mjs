import { availableParallelism, cpus, freemem } from 'node:os';

/**
 * Works on all items in their order, `atOnce` at a time; and on one more, up to `most`, each time `isIdle` said so twice in a row, so
 * that what mostly waits leaves no processor without work. `isIdle` is asked every `everyMs`, about the time since it was asked before.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<void>} work
 * @param {{ atOnce: number, most: number, isIdle: () => boolean, everyMs?: number }} options
 * @returns {Promise<void>} rejects with the first that failed
 */
export function inTurns(items, work, { atOnce, most, isIdle, everyMs = 1000 }) {
  const waiting = [...items];
  let running = 0;
  let looks = 0;
  return new Promise((resolve, reject) => {
    const timer = setInterval(look, everyMs);
    fill();

    function begin() {
      running += 1;
      work(waiting.shift()).then(
        () => {
          running -= 1;
          fill();
        },
        (error) => {
          clearInterval(timer);
          reject(error);
        },
      );
    }
    function fill() {
      while (waiting.length > 0 && running < atOnce) begin();
      if (running > 0 || waiting.length > 0) return;
      clearInterval(timer);
      resolve();
    }
    function look() {
      looks = isIdle() && running < most ? looks + 1 : 0;
      if (looks < 2 || waiting.length === 0) return;
      looks = 0;
      begin();
    }
  });
}

/** A cluster with a node takes 1 GB, and a browser some of that. */
const roomy = 3 * 2 ** 30;

/**
 * Whether two fifths of the processors had nothing to do since the last question, and there is memory. Never where this process may use
 * only some of them: then it is not known.
 */
export function watchProcessors() {
  let before = timesNow();
  return () => {
    const now = timesNow();
    const [idle, all] = [now.idle - before.idle, now.all - before.all];
    before = now;
    return cpus().length === availableParallelism() && all > 0 && idle / all >= 0.4 && freemem() >= roomy;
  };
}

function timesNow() {
  const times = cpus().map(({ times }) => times);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap((each) => Object.values(each))) };
}
