/** What a page knows of the output of one service: the newest lines as they come, and older ones as they are asked for. */
import { servicesApi } from '#lib/api/services.ts';
import type { ServiceLogFrame } from '#lib/contract.ts';
import { problemIn } from '#lib/api/request.ts';
import type { Problem } from '#lib/problem.ts';
import { type Block, held, withNewer, withOlder } from '#lib/services/logs/blocks.ts';
import { type Line, openLine } from '#lib/services/socket.ts';
import { withQuery } from '#lib/urls.ts';

const pageLines = 500;

export class LogBook {
  blocks = $state.raw<readonly Block[]>([]);
  /** There are older lines, before this one. */
  before = $state<number>();
  /** Whether somebody is at the newest line, or looks back. */
  isFollowed = $state(true);
  /** Whether new lines come just now. */
  isOpen = $state(false);
  /** No more will come. */
  isOver = $state(false);
  isReading = $state(false);
  problem = $state.raw<Problem>();
  readonly id: string;
  readonly search: string;
  #line: Line | undefined;

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
    const all = withNewer(this.blocks, lines);
    this.blocks = held(all, this.isFollowed);
    if (this.blocks.length < all.length) this.before = this.blocks[0]!.first;
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
      this.blocks = withOlder(this.blocks, page.lines);
      this.before = page.before;
      this.problem = undefined;
    } catch (error) {
      this.problem = problemIn(error);
    } finally {
      this.isReading = false;
    }
  }
}
