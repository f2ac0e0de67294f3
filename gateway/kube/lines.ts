/**
 * The lines of a body, without their ends, as they become whole. What stands after the last line end is `rest`: dropped where it is
 * cut short (`drop`), or told as a line of its own.
 * @throws Error when one line is longer than `mostBytes`.
 */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  { mostBytes, rest, onBytes }: { mostBytes: number; rest: 'drop' | 'tell'; onBytes?: () => void },
): AsyncGenerator<string> {
  let begun: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    onBytes?.();
    let from = 0;
    for (;;) {
      const end = part.indexOf(10, from);
      if (end === -1) break;
      begun.push(part.subarray(from, end));
      yield Buffer.concat(begun).toString('utf8');
      begun = [];
      size = 0;
      from = end + 1;
    }
    if (from === part.length) continue;
    begun.push(part.subarray(from));
    size += part.length - from;
    if (size > mostBytes) throw new Error(`a line is longer than ${mostBytes} bytes`);
  }
  if (rest === 'tell' && size > 0) yield Buffer.concat(begun).toString('utf8');
}
