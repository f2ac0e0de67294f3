/**
 * The lines of a body, without their ends, as they become whole. What stands after the last line end is dropped where it is cut short
 * (`drop`), or told as a line of its own. A line that is too long is an error, or (`cut`) told as far as it may be long.
 * @throws Error when one line is longer than `mostBytes`.
 */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  options: { mostBytes: number; rest: 'drop' | 'tell'; tooLong?: 'refuse' | 'cut'; onBytes?: () => void },
): AsyncGenerator<string> {
  const { mostBytes, rest, tooLong = 'refuse', onBytes } = options;
  let begun: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    onBytes?.();
    let from = 0;
    while (from < part.length) {
      const at = part.indexOf(10, from);
      const end = at === -1 ? part.length : at;
      const room = mostBytes - size;
      if (end - from > room && tooLong === 'refuse') throw new Error(`a line is longer than ${mostBytes} bytes`);
      if (room > 0) begun.push(part.subarray(from, Math.min(end, from + room)));
      size += Math.min(end - from, room);
      from = end + 1;
      if (at === -1) break;
      yield Buffer.concat(begun).toString('utf8');
      begun = [];
      size = 0;
    }
  }
  if (rest === 'tell' && size > 0) yield Buffer.concat(begun).toString('utf8');
}
