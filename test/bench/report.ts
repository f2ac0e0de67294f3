import type { Case, Figures, SubjectName } from './cases.ts';
import { median } from './generators.ts';

/** One case with every round of every subject; rounds of the same index ran one after another. */
export type Result = {
  id: string;
  title: string;
  rounds: Partial<Record<SubjectName, Figures[]>>;
  /** Why it could not be measured. */
  failure?: string;
};

export type Verdict = { claim: string; value: number; isMet: boolean; isAim: boolean };

type Bar = {
  case: string;
  figure: string;
  /** The other side of the ratio; without it the figure itself is judged. */
  against?: SubjectName;
  of?: SubjectName;
  most?: number;
  least?: number;
  claim: string;
  /** Wished for beyond the bar: printed, never a failure. */
  isAim?: boolean;
};

/** DESIGN.md section 10, and the aims past it. */
const bars: readonly Bar[] = [
  { case: '1k-h1', figure: 'cpu', against: 'caddy', most: 0.75, claim: 'CPU per 1 KiB request ≤ 0.75 × Caddy' },
  {
    case: '1k-h1',
    figure: 'cpu',
    against: 'chp',
    most: 0.45,
    claim: 'CPU per 1 KiB request ≤ 0.45 × configurable-http-proxy',
  },
  { case: '1k-h1', figure: 'cpu', against: 'nginx', most: 3, claim: 'CPU per 1 KiB request ≤ 3 × nginx' },
  { case: '1g-down', figure: 'mebibytesPerSecond', against: 'nginx', least: 0.6, claim: '1 GiB down ≥ 0.6 × nginx' },
  { case: '1g-up', figure: 'mebibytesPerSecond', against: 'nginx', least: 0.6, claim: '1 GiB up ≥ 0.6 × nginx' },
  { case: '1g-down', figure: 'grownKiB', most: 32 * 1024, claim: 'memory flat during 1 GiB down (≤ 32 MiB)' },
  { case: '1g-up', figure: 'grownKiB', most: 32 * 1024, claim: 'memory flat during 1 GiB up (≤ 32 MiB)' },
  { case: 'idle', figure: 'kibibytesEach', most: 40, claim: 'idle WebSocket ≤ 40 KiB' },
  { case: 'idle', figure: 'isAnswering', least: 1, claim: 'all idle WebSockets still answer' },
  {
    case: 'sign-in',
    figure: 'lagP99Ms',
    of: 'knot-people',
    most: 100,
    claim: '1,000 sign-ins within a minute: event loop p99 ≤ 100 ms',
  },
  {
    case: 'sign-in',
    figure: 'slower',
    of: 'knot-people',
    most: 3,
    claim: '1,000 sign-ins within a minute: forwarded p99 ≤ 3 × quiet',
  },
  {
    case: 'sign-in-at-once',
    figure: 'lagP99Ms',
    of: 'knot-people',
    most: 100,
    claim: '1,000 sign-ins at once: event loop p99 ≤ 100 ms',
  },
  {
    case: 'sign-in-at-once',
    figure: 'slower',
    of: 'knot-people',
    most: 3,
    claim: '1,000 sign-ins at once: forwarded p99 ≤ 3 × quiet',
  },
  {
    case: 'sign-in-at-once',
    figure: 'burstSlower',
    of: 'knot-people',
    most: 3,
    claim: '1,000 sign-ins at once, the first five seconds: forwarded p99 ≤ 3 × quiet',
    isAim: true,
  },
  {
    case: 'many',
    figure: 'cpu',
    of: 'knot-large',
    against: 'knot',
    most: 1.1,
    claim: 'large population ≤ 1.1 × small',
  },
  {
    case: 'many',
    figure: 'cpu',
    of: 'knot-large',
    against: 'knot-apart',
    most: 1.03,
    claim: '1,000 teams and 10,000 shares ≤ 1.03 × without them',
  },
  {
    case: '1k-h1',
    figure: 'cpu',
    against: 'caddy',
    most: 0.6,
    claim: 'CPU per 1 KiB request ≤ 0.6 × Caddy',
    isAim: true,
  },
  {
    case: '1k-h1',
    figure: 'cpu',
    against: 'nginx',
    most: 2.5,
    claim: 'CPU per 1 KiB request ≤ 2.5 × nginx',
    isAim: true,
  },
  {
    case: '1k-h2',
    figure: 'cpu',
    against: 'caddy',
    most: 0.75,
    claim: 'CPU per 1 KiB HTTP/2 request ≤ 0.75 × Caddy',
  },
  {
    case: '1k-h2',
    figure: 'cpu',
    against: 'caddy',
    most: 0.45,
    claim: 'CPU per 1 KiB HTTP/2 request ≤ 0.45 × Caddy',
    isAim: true,
  },
  {
    case: '1k-h2',
    figure: 'cpu',
    against: 'nginx',
    most: 2.5,
    claim: 'CPU per 1 KiB HTTP/2 request ≤ 2.5 × nginx',
    isAim: true,
  },
];

/** Judges every bar whose case was measured. A ratio is the median of the ratios of single rounds. */
export function judge(results: readonly Result[]): Verdict[] {
  return bars.flatMap((bar): Verdict[] => {
    const rounds = results.find(({ id }) => id === bar.case)?.rounds;
    const own = rounds?.[bar.of ?? 'knot'];
    const other = bar.against === undefined ? undefined : rounds?.[bar.against];
    if (own === undefined || own.length === 0 || (bar.against !== undefined && !other?.length)) return [];
    const values = own.map(
      (figures, round) => figures[bar.figure]! / (other?.[round]?.[bar.figure] ?? (other ? NaN : 1)),
    );
    const value = median(values);
    const isMet = value <= (bar.most ?? Infinity) && value >= (bar.least ?? -Infinity);
    return [{ claim: bar.claim, value, isMet, isAim: bar.isAim === true }];
  });
}

/** Medians as a table in Markdown, with Knot's share of each peer's first figure. */
export function tableOf({ columns }: Case, result: Result): string {
  if (result.failure !== undefined) return `could not be measured: ${result.failure}`;
  const first = columns[0]!.figure;
  const own = result.rounds['knot'] ?? [];
  const rows = Object.entries(result.rounds).map(([name, rounds]) => {
    const cells = columns.map(({ figure, digits }) =>
      format(median(rounds.map((figures) => figures[figure]!)), digits),
    );
    const ratio = median(own.map((figures, round) => figures[first]! / (rounds[round]?.[first] ?? NaN)));
    return [name, ...cells, name === 'knot' ? '1.00' : format(ratio, 2), String(rounds.length)];
  });
  const heads = ['', ...columns.map(({ title }) => title), `knot ÷ it (${columns[0]!.title})`, 'rounds'];
  return aligned([heads, ...rows]);
}

function aligned(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}

export function verdictLines(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(({ claim, value, isMet, isAim }) => {
      const mark = isMet ? 'pass' : isAim ? 'not yet' : 'FAIL';
      return `${mark.padEnd(7)} ${isAim ? 'aim' : 'bar'}  ${claim}: ${format(value, 2)}`;
    })
    .join('\n');
}

function format(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, digits === 0 ? ',' : '') : '–';
}
