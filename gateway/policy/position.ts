/** Line and column, both 1-based; the column counts characters (code points). */
export type Position = { line: number; column: number };

/** Where a byte offset of the UTF-8 form of a text lies: Cedar counts bytes, people count characters. */
export function positionOfByte(text: string, byteOffset: number): Position {
  const bytes = Buffer.from(text, 'utf8');
  const before = bytes.subarray(0, Math.max(0, Math.min(byteOffset, bytes.length))).toString('utf8');
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line += 1;
  return { line, column: [...before.slice(lineStart)].length + 1 };
}
