/** What was used, in words and as parts of pictures. Pure. */
import type { Usage } from '#lib/contract.ts';
import { type Part, partOf } from '#lib/plans/fullness.ts';
import { byteSize } from '#lib/words.ts';

/** `0.25`, `3.4`, `120`: three digits at most, never none of a little. */
export function amount(value: number, locale?: string): string {
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }).format(value);
}

export function price(value: number, currency: string, locale?: string): string {
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(value);
  } catch {
    // A currency that only this installation has.
    return `${amount(value, locale)} ${currency}`;
  }
}

export type Measure = { key: 'cpuHours' | 'memoryGibHours' | 'cost'; title: string; words(value: number): string };

/** What the days and services are shown by: cost only where there are prices. */
export function measuresOf({ prices }: Pick<Usage, 'prices'>): Measure[] {
  return [
    { key: 'cpuHours', title: 'Processor hours', words: (value) => amount(value) },
    { key: 'memoryGibHours', title: 'Memory (GiB hours)', words: (value) => amount(value) },
    ...(prices
      ? [{ key: 'cost' as const, title: 'Cost', words: (value: number) => price(value, prices.currency) }]
      : []),
  ];
}

/**
 * What has to be said beside the figures where nobody keeps metrics: only services are counted, and from some day on. `isKnown`: something of
 * the month is.
 */
export function measuredWords({ measuredBy, since, month }: Pick<Usage, 'measuredBy' | 'since' | 'month'>): {
  isKnown: boolean;
  words?: string;
} {
  if (measuredBy === 'prometheus' || since === undefined) return { isKnown: true };
  const others = 'What notebooks use is not measured here.';
  if (since.slice(0, 7) > month)
    return { isKnown: false, words: `Nothing is known of this month: services are measured since ${since}.` };
  if (since.slice(0, 7) < month) return { isKnown: true, words: `Services alone. ${others}` };
  return { isKnown: true, words: `Services alone, since ${since}; what was before is not known. ${others}` };
}

/** What is used at this moment, of what the plan gives. */
export function partsOf({ now, limits }: Pick<Usage, 'now' | 'limits'>): Part[] {
  const part = (about: string, used: number, limit: number | undefined, words: (value: number) => string): Part =>
    partOf(about, { amount: used, limit }, [
      `${words(used)}, not limited`,
      `${words(used)} of ${limit === undefined ? '' : words(limit)}`,
    ]);
  return [
    part('Processors', now.cpu, limits.cpu, (value) => amount(value)),
    part('Memory', now.memory, limits.memory, (value) => byteSize(value)),
    part('Files', now.storage, limits.storage, (value) => byteSize(value)),
    part('Services', now.services, limits.services, (value) => amount(value)),
  ];
}
