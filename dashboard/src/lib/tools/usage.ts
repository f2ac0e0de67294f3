/** What was used, in words and as parts of pictures. Pure. */
import type { Usage } from '#lib/contract.ts';
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

export type Gauge = { title: string; words: string; used: number; isLimited: boolean };

/** What is used at this moment, of what the plan gives. */
export function gaugesOf({ now, limits }: Pick<Usage, 'now' | 'limits'>): Gauge[] {
  const gauge = (title: string, value: number, limit: number | undefined, words: (value: number) => string): Gauge => ({
    title,
    words: limit === undefined ? `${words(value)}, not limited` : `${words(value)} of ${words(limit)}`,
    used: limit === undefined || limit === 0 ? 0 : Math.min(1, value / limit),
    isLimited: limit !== undefined,
  });
  return [
    gauge('Processors', now.cpu, limits.cpu, (value) => amount(value)),
    gauge('Memory', now.memory, limits.memory, (value) => byteSize(value)),
    gauge('Files', now.storage, limits.storage, (value) => byteSize(value)),
    gauge('Services', now.services, limits.services, (value) => amount(value)),
  ];
}
