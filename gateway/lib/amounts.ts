/** What was used: processors times the hours they were busy; memory in GiB times the hours it was held. */
export type Amounts = { cpuHours: number; memoryGibHours: number };

/** What somebody used in a month, by day (of UTC) and by service. */
export type MonthOfAmounts<ServiceId> = {
  days: ({ day: string } & Amounts)[];
  /** What used most first. */
  services: (ServiceId & Amounts)[];
  total: Amounts;
  /** How much of the month is over, from 0 to 1. */
  elapsed: number;
};

export const noAmounts = (): Amounts => ({ cpuHours: 0, memoryGibHours: 0 });

/** Adds to each of the sums; to one that is not there, nothing. */
export function addAmounts(used: Amounts, sums: readonly (Amounts | undefined)[]): void {
  for (const sum of sums) {
    if (sum === undefined) continue;
    sum.cpuHours += used.cpuHours;
    sum.memoryGibHours += used.memoryGibHours;
  }
}

/** The sum that is kept under a key; begun when there is none. */
export function sumUnder(sums: Map<string, Amounts>, key: string): Amounts {
  const sum = sums.get(key) ?? noAmounts();
  sums.set(key, sum);
  return sum;
}

/** For sorting: what used most first, by processors before memory. */
export const mostFirst = (a: Amounts, b: Amounts): number =>
  b.cpuHours - a.cpuHours || b.memoryGibHours - a.memoryGibHours;
