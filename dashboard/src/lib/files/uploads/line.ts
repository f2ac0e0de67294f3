/** First come, first served, also with ten thousand who wait; who was interrupted is served next. */
export type Line<T> = { add(one: T): void; addFirst(one: T): void; take(): T | undefined };

export function createLine<T>(): Line<T> {
  let waiting: T[] = [];
  let taken = 0;
  const interrupted: T[] = [];
  return {
    add: (one) => void waiting.push(one),
    addFirst: (one) => void interrupted.push(one),
    take() {
      const first = interrupted.pop();
      if (first !== undefined) return first;
      const one = waiting[taken];
      if (one === undefined) return undefined;
      taken += 1;
      if (taken > 1000 && taken * 2 > waiting.length) {
        waiting = waiting.slice(taken);
        taken = 0;
      }
      return one;
    },
  };
}
