/** What a service used, as pictures and as a table: names, numbers in words, rows. Pure. */
import type { ServiceMetrics } from '#lib/contract.ts';
import { byteSize, memorySize } from '#lib/words.ts';

type Column = 'cpu' | 'memory' | 'requests' | 'received' | 'sent';

type Picture = {
  column: Column;
  title: string;
  words: (value: number, step: number) => string;
  /** The scale shows at least so much: what is next to nothing looks like it. */
  least: (step: number) => number;
};

/** Bytes that pass between a service and its visitors. */
const traffic = (column: 'received' | 'sent', title: string): Picture => ({
  ...{ column, title },
  words: (value, step) => `${byteSize((value * 60) / step)} a minute`,
  least: (step) => (100_000 * step) / 60,
});

export const plots: readonly Picture[] = [
  { column: 'cpu', title: 'Processors', words: (value) => processors(value), least: () => 0.2 },
  { column: 'memory', title: 'Memory', words: (value) => memorySize(value), least: () => 10_000_000 },
  {
    column: 'requests',
    title: 'Requests',
    words: (value, step) => perMinute((value * 60) / step),
    least: (step) => (4 * step) / 60,
  },
  traffic('sent', 'Sent to visitors'),
  traffic('received', 'Received from visitors'),
];

const processors = (value: number): string => (value < 0.005 ? '0' : value < 10 ? value.toFixed(2) : value.toFixed(0));
const perMinute = (value: number): string => `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} a minute`;

/** The last and the highest of a column, in words; undefined where it never ran. */
export function summaryOf(
  metrics: ServiceMetrics,
  { column, words }: Picture,
): { last: string | undefined; most: string } | undefined {
  const values = metrics[column].filter((value) => value !== null);
  if (values.length === 0) return undefined;
  // The newest step may still be under way.
  const last = metrics[column].slice(-2).findLast((value) => value !== null) ?? undefined;
  return {
    last: last === undefined ? undefined : words(last, metrics.step),
    most: words(Math.max(...values), metrics.step),
  };
}

const mostRows = 24;

/** The same as rows, newest first; so many points in one row that they can be read: means, and of memory the most. */
export function tableOf(metrics: ServiceMetrics): { at: number; cells: string[] }[] {
  const { at, step } = metrics;
  const width = Math.max(1, Math.ceil(at.length / mostRows));
  const rows: { at: number; cells: string[] }[] = [];
  for (let first = 0; first < at.length; first += width) {
    const cells = plots.map(({ column, words }) => {
      const values = metrics[column].slice(first, first + width).filter((value) => value !== null);
      if (values.length === 0) return '–';
      const sum = values.reduce((total, value) => total + value, 0);
      return words(column === 'memory' ? Math.max(...values) : sum / values.length, step);
    });
    rows.push({ at: at[first]!, cells });
  }
  return rows.reverse();
}
