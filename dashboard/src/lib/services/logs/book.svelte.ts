/** What a page knows of the output of one service: the newest lines as they come, and older ones as they are asked for. */
import { servicesApi } from '#lib/api/services.ts';
import type { ServiceLogFrame, ServiceLogLine } from '#lib/contract.ts';
import { problemIn } from '#lib/api/request.ts';
import type { Problem } from '#lib/problem.ts';
import { openLine } from '#lib/services/socket.ts';
import { withQuery } from '#lib/urls.ts';

/** Lines that are drawn, or left out, together. */
export type Block = { first: number; lines: readonly ServiceLogLine[] };

const blockLines = 200;
const pageLines = 500;
/** More is not held by a page: the oldest go, and can be read again. */
const mostLines = 50_000;

export class LogBook {
  blocks = $state.raw<readonly Block[]>([]);
  /** There are older lines, before this one. */
  before = $state<number>();
  isOpen = $state(false);
  /** No more will come. */
  isOver = $state(false);
  isReading = $state(false);
  problem = $state.raw<Problem>();
  count = $state(0);
  readonly id: string;
  readonly search: string;
  #line: { close(): void } | undefined;

  constructor(id: string, search: string) {
    this.id = id;
    this.search = search;
    if (search !== '') {
      void this.readOlder();
      return;
    }
    this.#line = openLine({
      path: () => {
        const last = this.blocks.at(-1)?.lines.at(-1)?.n;
        return withQuery(`/services/${encodeURIComponent(id)}/logs`, {
          follow: 'yes',
          ...(last === undefined ? { limit: pageLines } : { after: last }),
        });
      },
      onmessage: (data) => this.#take(JSON.parse(data as string) as ServiceLogFrame),
      onstate: (isOpen) => (this.isOpen = isOpen),
      onend: () => (this.isOver = true),
    });
  }

  close(): void {
    this.#line?.close();
  }

  #take({ lines, before }: ServiceLogFrame): void {
    if (this.blocks.length === 0) this.before = before;
    if (lines.length === 0) return;
    const blocks = [...this.blocks];
    let rest = lines;
    const last = blocks.at(-1);
    if (last !== undefined && last.lines.length < blockLines) {
      const more = rest.slice(0, blockLines - last.lines.length);
      blocks[blocks.length - 1] = { ...last, lines: [...last.lines, ...more] };
      rest = rest.slice(more.length);
    }
    for (let at = 0; at < rest.length; at += blockLines) blocks.push(blockOf(rest.slice(at, at + blockLines)));
    let count = this.count + lines.length;
    while (count > mostLines) {
      count -= blocks.shift()!.lines.length;
      this.before = blocks[0]!.first;
    }
    this.blocks = blocks;
    this.count = count;
  }

  /** Also the first page of what was searched for. */
  async readOlder(): Promise<void> {
    if (this.isReading) return;
    this.isReading = true;
    try {
      const { before, search } = this;
      const page = await servicesApi.logs(this.id, {
        limit: pageLines,
        ...(before !== undefined && { before }),
        ...(search !== '' && { q: search }),
      });
      const { lines } = page;
      const older: Block[] = [];
      for (let end = lines.length; end > 0; end -= blockLines)
        older.unshift(blockOf(lines.slice(Math.max(0, end - blockLines), end)));
      this.blocks = [...older, ...this.blocks];
      this.count += lines.length;
      this.before = page.before;
      this.problem = undefined;
      if (search !== '') this.isOpen = true;
    } catch (error) {
      this.problem = problemIn(error);
    } finally {
      this.isReading = false;
    }
  }
}

const blockOf = (lines: readonly ServiceLogLine[]): Block => ({ first: lines[0]!.n, lines });
