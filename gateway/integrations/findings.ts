import type { IncomingHttpHeaders } from 'node:http';
import { type ComponentHealth, KnotError, printable } from '../lib/index.ts';

/** What was found out about a running tool, in the order in which it was asked. */
export type Findings = {
  found: ComponentHealth[];
  note(name: string, status: ComponentHealth['status'], message: string, remedy?: string): void;
  /** Notes what answers, which is something else where it says nothing of itself (no `body`): false then. */
  answered<T>(
    tool: { name: string; title: string },
    body: T | undefined,
    versionOf: (body: T) => string | undefined,
  ): body is T;
  /** Undefined once it was noted why something could not be asked. */
  tried<T>(name: string, work: () => Promise<T>): Promise<T | undefined>;
};

export function createFindings(): Findings {
  const found: ComponentHealth[] = [];
  const note: Findings['note'] = (name, status, message, remedy) =>
    void found.push({ name, status, message, ...(remedy !== undefined && { remedy }) });
  return {
    found,
    note,
    answered<T>(
      { name, title }: { name: string; title: string },
      body: T | undefined,
      versionOf: (body: T) => string | undefined,
    ): body is T {
      if (body === undefined) {
        const remedy = `See that integrations.${name}.upstream is its address.`;
        note('answers', 'failed', `What answers is not ${title}: it says nothing of itself.`, remedy);
        return false;
      }
      const shown = printable(String(versionOf(body) ?? '')).slice(0, 40);
      note('answers', 'ok', [title, ...(shown === '' ? [] : [shown]), 'answers.'].join(' '));
      return true;
    },
    async tried(name, work) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof KnotError)) throw error;
        note(name, 'failed', error.message, error.remedy);
        return undefined;
      }
    },
  };
}

/** What is let pass: a second of the field `Date`, and what an answer takes. Cookies and tokens of people go by minutes and hours. */
const mostSkewMs = 30_000;

/** Notes where the clock that wrote the `Date` of an answer is not that of Knot, in milliseconds since the epoch. */
export function noteClock(
  { note }: Pick<Findings, 'note'>,
  name: string,
  { date }: IncomingHttpHeaders,
  now: number,
): void {
  const skewMs = Date.parse(date ?? '') - now;
  if (!(Math.abs(skewMs) > mostSkewMs)) return;
  note(
    name,
    'failed',
    `Its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of Knot: sign-ins and tokens end too early or begin too late.`,
    'Let both machines keep time by NTP.',
  );
}
