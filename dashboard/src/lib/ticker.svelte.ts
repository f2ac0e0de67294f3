/** The present as a reactive value, so that "2 minutes ago" ages by itself. */
let now = $state(Date.now());

setInterval(() => (now = Date.now()), 1000);

export const ticker = {
  /** Milliseconds, every second. */
  get now(): number {
    return now;
  },
};
