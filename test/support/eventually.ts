/** How long a test waits for something before it says that it will not come: long enough for a machine that does much else. */
export const patienceMs = 90_000;

/**
 * Asks again until the answer is something, and returns it. The time limit is no claim about speed: it ends what would hang for ever, and
 * nobody gives another one but for what may take minutes, and for a look at what may never be there.
 * `what` names what is waited for; a function is asked when time is up, so that it can tell what was there instead.
 */
export async function eventually<T>(
  what: string | (() => string),
  find: () => T | Promise<T>,
  withinMs = patienceMs,
): Promise<Exclude<T, false | undefined | null>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await find();
    if (found) return found as Exclude<T, false | undefined | null>;
    if (performance.now() > end) {
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A tenth of a second or so, in which what must not happen would have: it can only fail to see it, never see what is not there. */
export async function aWhile(): Promise<void> {
  let turns = 0;
  await eventually('time passes', () => ++turns > 4);
}
