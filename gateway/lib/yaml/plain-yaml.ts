import { type Document, isCollection, isNode, visit } from 'yaml';
import type { JsonValue } from '../template-plan.ts';
import { readYamlDocument } from './yaml-document.ts';

/** What is wrong with a file of YAML, and in which line (from 1), where it is known. */
export type YamlProblem = { file: string; line?: number; severity: 'error'; message: string };

/** A YAML file that was read: its value, and where in the text a path of it stands. */
export type YamlFile = {
  value: JsonValue;
  document: Document;
  /** The line (from 1) of a value, or of the nearest thing around it. */
  lineOf(path: readonly (string | number)[]): number | undefined;
};

/** Aliases are resolved this often at most (a "billion laughs" has them by the thousand). */
const mostAliases = 100;
const mostDepth = 40;

/** Reads one document of plain data, with every problem by line. Undefined when there is no value to go on with. Pages read by it too. */
export function readYaml(
  file: string,
  text: string,
  problems: { push(problem: YamlProblem): void },
): YamlFile | undefined {
  const { document, lines, errors } = readYamlDocument(text);
  const complain = (message: string, offset?: number): void =>
    void problems.push({
      file,
      severity: 'error',
      message,
      ...(offset !== undefined && { line: lines.linePos(offset).line }),
    });
  for (const { message, offset } of errors) complain(message, offset);
  if (errors.length > 0) return undefined;
  const tooDeep = deeperThan(document, mostDepth);
  if (tooDeep !== undefined) {
    complain(`is nested more than ${mostDepth} levels deep`, tooDeep);
    return undefined;
  }
  let value: JsonValue;
  try {
    value = plain(document.toJS({ maxAliasCount: mostAliases }));
  } catch (error) {
    complain(error instanceof ReferenceError ? 'uses too many aliases' : 'holds something that is no plain data');
    return undefined;
  }
  return {
    value,
    document,
    lineOf(path) {
      for (let length = path.length; length >= 0; length -= 1) {
        const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
      }
      return undefined;
    },
  };
}

function deeperThan(document: Document, most: number): number | undefined {
  let found: number | undefined;
  visit(document, (_key, node, path) => {
    if (path.length > 2 * most && isCollection(node)) {
      found = node.range?.[0] ?? 0;
      return visit.BREAK;
    }
    return undefined;
  });
  return found;
}

/** What JSON can say; a key that could change what an object is is refused, not dropped. */
function plain(value: unknown): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => {
        if (key === '__proto__') throw new TypeError('a key is not allowed');
        return [key, plain(child)];
      }),
    );
  }
  throw new TypeError('no plain data');
}
