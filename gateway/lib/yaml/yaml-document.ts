import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

/** One YAML document, the places of its lines, and what is wrong with it in the order of the text. */
export type YamlDocument = { document: Document; lines: LineCounter; errors: { message: string; offset: number }[] };

const mostRepeated = 20;

/**
 * Reads one YAML document (YAML 1.2, core schema); a key that stands twice in a mapping is an error. Keys are looked at once each: the
 * library would compare every key with every other, and a quarter of a megabyte of them held the process for half a minute.
 */
export function readYamlDocument(text: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: false });
  const errors = document.errors.map(({ message, pos }) => ({ message, offset: pos[0] }));
  for (const offset of repeatedKeys(document)) errors.push({ message: 'Map keys must be unique', offset });
  return { document, lines, errors: errors.toSorted((a, b) => a.offset - b.offset) };
}

/** Where keys stand that their mapping has already, at most twenty of them. Not recursive: nobody has looked at how deep it is. */
function repeatedKeys(document: Document): number[] {
  const found: number[] = [];
  const rest: unknown[] = [document.contents];
  while (rest.length > 0 && found.length < mostRepeated) {
    const node = rest.pop();
    if (isPair(node)) rest.push(node.key, node.value);
    else if (isSeq(node)) for (const item of node.items) rest.push(item);
    else if (isMap(node)) {
      const seen = new Set<unknown>();
      for (const { key } of node.items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) found.push(isNode(key) ? (key.range?.[0] ?? 0) : 0);
        seen.add(name);
      }
      for (const pair of node.items) rest.push(pair);
    }
  }
  return found.slice(0, mostRepeated);
}
