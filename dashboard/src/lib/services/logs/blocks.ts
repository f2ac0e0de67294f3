/** Lines of output in blocks, which are drawn, or left out, together. Pure. */
import type { ServiceLogLine } from '#lib/contract.ts';

export type Block = { first: number; lines: readonly ServiceLogLine[] };

const blockLines = 200;
/** More is not held by a page: the oldest go, and can be read again. */
const mostLines = 50_000;

const countIn = (blocks: readonly Block[]): number => blocks.reduce((sum, { lines }) => sum + lines.length, 0);

/** With lines that came after: the last block is filled up first. */
export function withNewer(blocks: readonly Block[], lines: readonly ServiceLogLine[]): readonly Block[] {
  const last = blocks.at(-1);
  if (last === undefined || last.lines.length >= blockLines) return [...blocks, ...inBlocks(lines)];
  const room = blockLines - last.lines.length;
  const filled = { ...last, lines: [...last.lines, ...lines.slice(0, room)] };
  return [...blocks.slice(0, -1), filled, ...inBlocks(lines.slice(room))];
}

/** With lines that came before; what is there stays in its blocks, and so where it is on the page. */
export const withOlder = (blocks: readonly Block[], lines: readonly ServiceLogLine[]): readonly Block[] => [
  ...inBlocks(lines),
  ...blocks,
];

/** Without the oldest blocks that are too many. Whoever looks back reads just those: then twice as many are held. */
export function held(blocks: readonly Block[], isFollowed: boolean): readonly Block[] {
  const most = isFollowed ? mostLines : 2 * mostLines;
  let count = countIn(blocks);
  let from = 0;
  while (count > most) count -= blocks[from++]!.lines.length;
  return from === 0 ? blocks : blocks.slice(from);
}

function inBlocks(lines: readonly ServiceLogLine[]): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at += blockLines) {
    const part = lines.slice(at, at + blockLines);
    blocks.push({ first: part[0]!.n, lines: part });
  }
  return blocks;
}
