import { bytesInWords } from '../../files/index.ts';
import { eachAtOnce, KnotError, knotError, printable } from '../../lib/index.ts';
import { type Invocation, UsageError } from '../command.ts';
import { mostAtOnce } from '../elsewhere/ask.ts';

/** What is done about a file that is there already and is another one. */
export type Existing = 'refuse' | 'replace' | 'skip';

export const transferOptions = {
  replace: { type: 'boolean' },
  skip: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export function existingOf({ options }: Invocation): Existing {
  if (options['replace'] === true && options['skip'] === true)
    throw new UsageError('--replace and --skip exclude one another');
  return options['replace'] === true ? 'replace' : options['skip'] === true ? 'skip' : 'refuse';
}

/** What became of an item, where only a look at the other side tells: it may be there already, equal or another one that is to stay. */
export type Outcome = 'done' | 'equal' | 'skipped';

/** One file on its way. Its size is 0 until it is known. */
export type Item = { shown: string; size: number; run(onBytes: (count: number) => void): Promise<Outcome> };

export type Plan = {
  /** Makes the folders, before the first file. */
  prepare?(): Promise<void>;
  items: Item[];
  /** Equal on both sides. */
  equal: number;
  /** Others of that name, left as they are. */
  skipped: string[];
  /** What has no content: links, pipes, devices. */
  left: string[];
};

const mostNamed = 20;

/** Names what stands in the way, before anything is changed. */
export function refuseExisting(names: readonly string[], hint: string): void {
  if (names.length > 0) throw alreadyThere(names, hint);
}

export function alreadyThere(names: readonly string[], hint: string): KnotError {
  const shown = names.slice(0, mostNamed).map((name) => `\n        ${name}`);
  const rest = names.length > mostNamed ? `\n        and ${names.length - mostNamed} more` : '';
  const message = `${names.length === 1 ? 'This is' : `These ${names.length} are`} there already and differ; nothing was changed:`;
  return knotError('KNOT_CLI_FILES_EXIST', 409, `${message}${shown.join('')}${rest}`, { remedy: hint });
}

/** No further file will fare better. */
const isHopeless = (error: unknown): boolean =>
  error instanceof KnotError &&
  ([401, 403, 429, 507].includes(error.statusCode) ||
    ['KNOT_CLI_UNREACHABLE', 'KNOT_CLI_CERTIFICATE', 'KNOT_CLI_FILES_CUT'].includes(error.code));

/**
 * Carries out a plan: many small files at once, but bounded. Shows how far it is on a terminal, and a line for each file otherwise.
 * @throws KNOT_CLI_FILES_INCOMPLETE naming what did not arrive
 */
export async function carryOut({ options, streams }: Invocation, plan: Plan, verb: string): Promise<void> {
  const { items, left } = plan;
  let { equal } = plan;
  const skipped = [...plan.skipped];
  const isJson = options['json'] === true;
  const progress = showProgress(streams.stderr, items, isJson);
  const failed: { name: string; message: string; error: unknown }[] = [];
  let done = 0;
  let bytes = 0;
  const work = async (item: Item) => {
    try {
      const outcome = await item.run(progress.add);
      progress.done();
      if (outcome === 'equal') return void equal++;
      if (outcome === 'skipped') return void skipped.push(item.shown);
      done += 1;
      bytes += item.size;
      if (!isJson && !progress.isShown) streams.stdout.write(`${item.shown}\n`);
    } catch (error) {
      failed.push({ name: item.shown, message: printable((error as Error).message), error });
      if (isHopeless(error)) throw error;
    }
  };
  let hopeless: unknown;
  try {
    await plan.prepare?.();
    await eachAtOnce(items, mostAtOnce, work);
  } catch (error) {
    hopeless = error;
  }
  progress.end();
  if (isJson) {
    streams.stdout.write(
      `${JSON.stringify({ done, bytes, equal, skipped, left, failed: failed.map(({ name, message }) => ({ name, message })) }, null, 2)}\n`,
    );
  } else {
    const also = [
      equal > 0 && `${equal} equal already`,
      skipped.length > 0 && `${skipped.length} skipped`,
      left.length > 0 && `left out, because they are no files: ${left.slice(0, mostNamed).join(', ')}`,
    ].filter((part) => part !== false);
    streams.stdout.write(
      `${[`${done} ${done === 1 ? 'file' : 'files'} ${verb}, ${bytesInWords(bytes)}`, ...also].join('; ')}.\n`,
    );
  }
  if (failed.length === 0 && hopeless === undefined) return;
  if (failed.length === 0) throw hopeless;
  if (items.length === 1) throw failed[0]!.error;
  const shown = failed.slice(0, mostNamed).map(({ name, message }) => `\n        ${name}: ${message}`);
  throw knotError(
    'KNOT_CLI_FILES_INCOMPLETE',
    502,
    `${items.length - done} of ${items.length} files were not ${verb}:${shown.join('')}`,
    { remedy: 'Run the same command again: what is there and equal is not sent twice.', cause: hopeless },
  );
}

function showProgress(stream: NodeJS.WritableStream & { isTTY?: boolean }, items: readonly Item[], isJson: boolean) {
  const isShown = stream.isTTY === true && !isJson;
  const whole = items.reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  let count = 0;
  let shownAt = 0;
  function show(): void {
    const now = performance.now();
    if (!isShown || now - shownAt < 100) return;
    shownAt = now;
    stream.write(`\r\u001b[K${count} of ${items.length} files, ${bytesInWords(bytes)} of ${bytesInWords(whole)}`);
  }
  return {
    isShown,
    add(more: number) {
      bytes += more;
      show();
    },
    done() {
      count += 1;
      show();
    },
    end() {
      if (isShown) stream.write('\r\u001b[K');
    },
  };
}
