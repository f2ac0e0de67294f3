import type { Sizes } from '#lib/contract.ts';

/** `2 of 4 free`: of something that a cluster has beside processors and memory. */
export function acceleratorWords(name: string, accelerators: Sizes['accelerators']): string {
  const known = accelerators.find((one) => one.name === name);
  if (known === undefined) return `The cluster has no ${name} now.`;
  const { free, total, limit } = known;
  return `${free} of ${total} free${limit === undefined ? '' : `; the plan allows ${limit}`}`;
}
