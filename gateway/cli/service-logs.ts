import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { KnotError, printable } from '../lib/index.ts';
import { plain } from '../services/index.ts';
import type { Streams } from './command.ts';
import type { Api } from './elsewhere/api.ts';

type Line = { n: number; at: number; from: string; text: string };

const leastWaitMs = 500;
const mostWaitMs = 15_000;

/** Prints a page of what a service said, or that and then on and on, each line once, over restarts of the service and of Knot. */
export async function printLogs(
  api: Api,
  id: string,
  wanted: Record<string, string>,
  { follow, isJson, out }: { follow: boolean; isJson: boolean; out: Streams['stdout'] },
): Promise<void> {
  const path = `/api/v1/services/${id}/logs`;
  const print = (lines: readonly Line[]): void => {
    for (const line of lines) out.write(isJson ? `${JSON.stringify(line)}\n` : wordsOf(line));
  };
  if (!follow) {
    const { lines } = (await api.json(`${path}?${new URLSearchParams(wanted).toString()}`)) as { lines: Line[] };
    print(lines);
    return;
  }
  let last: number | undefined;
  for (let waitMs = leastWaitMs; ; waitMs = Math.min(2 * waitMs, mostWaitMs)) {
    const query = new URLSearchParams({ follow: '', ...wanted, ...(last !== undefined && { after: String(last) }) });
    try {
      const answer = await api.call(`${path}?${query.toString()}`);
      const rows = createInterface({ input: answer, crlfDelay: Infinity });
      answer.on('error', () => rows.close());
      rows.on('line', (row) => {
        const { lines } = JSON.parse(row) as { lines: Line[] };
        print(lines);
        last = lines.at(-1)?.n ?? last ?? 0;
        waitMs = leastWaitMs;
      });
      await once(rows, 'close');
    } catch (error) {
      const isRefused = error instanceof KnotError && error.statusCode < 500;
      // What was followed and is there no more has said everything.
      if (isRefused && error.statusCode === 404 && last !== undefined) return;
      // What Knot refuses stays refused; a Knot that is away comes back.
      if (isRefused || last === undefined) throw error;
    }
    await delay(waitMs);
  }
}

const wordsOf = ({ from, text }: Line): string => (from === 'knot' ? `--- ${printable(text)}\n` : `${words(text)}\n`);

/** Without colours and whatever else a terminal would obey; tabulators stay. */
const words = (text: string): string => plain(text).split('\t').map(printable).join('\t');
