import { isIP } from 'node:net';
import { type Document, isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { SourceFile } from './folder.ts';
import { nearest, readYamlDocument } from '../lib/index.ts';
import type { Position } from './position.ts';
import type { PolicyProblem } from './status.ts';

export type Node = Document['contents'] | undefined;
export type Reader = ReturnType<typeof createReader>;

const maxProblems = 20;
/** The form needs six levels; the YAML library is recursive. */
const maxNesting = 40;

/**
 * Reads YAML nodes as what they should be and notes each one that is something else, with its line and column. Absent nodes
 * read as undefined or empty.
 */
export function createReader(source: SourceFile) {
  const problems: PolicyProblem[] = [];
  const tooNested = firstTooNested(source.text);
  const { document, lines, errors } = readYamlDocument(tooNested === undefined ? source.text : '');

  function note(position: Position, message: string, help?: string): void {
    if (problems.length >= maxProblems) return;
    problems.push({
      file: source.name,
      ...position,
      severity: 'error',
      kind: 'case',
      message,
      ...(help === undefined ? {} : { help }),
    });
  }

  function positionAt(offset: number): Position {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  const positionOf = (node: Node): Position => positionAt(node?.range?.[0] ?? 0);
  const complain = (node: Node, message: string, help?: string): void => note(positionOf(node), message, help);

  if (tooNested !== undefined)
    note(tooNested, `more than ${maxNesting} levels of lists and fields`, 'a case needs three');
  for (const { message, offset } of errors) note(positionAt(offset), `not valid YAML: ${message}`);

  /** Aliases would let a small file grow without bound; the form does not need them. */
  function plain(node: Node): Node {
    if (!isAlias(node)) return node;
    complain(node, 'aliases (*name) are not used in cases');
    return undefined;
  }

  function entries(node: Node): [string, Node][] {
    const value = plain(node);
    if (isNothing(value)) return [];
    if (!isMap(value)) {
      complain(value, 'expected names with a colon (a YAML mapping)');
      return [];
    }
    return value.items.map((item) => [String(isScalar(item.key) ? item.key.value : ''), item.value as Node]);
  }

  function map(node: Node, keys: readonly string[], what: string): Record<string, Node> {
    const value = plain(node);
    const fields: Record<string, Node> = Object.create(null) as Record<string, Node>;
    for (const [key, field] of entries(node)) {
      if (keys.includes(key)) {
        fields[key] = field;
        continue;
      }
      const item = isMap(value)
        ? value.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key)
        : undefined;
      const suggestion = nearest(key, keys);
      complain(
        (item?.key as Node) ?? value,
        `${what} has no field "${key}"`,
        suggestion ? `did you mean "${suggestion}"?` : `it may have ${keys.join(', ')}`,
      );
    }
    return fields;
  }

  function text(node: Node): string | undefined {
    const value = plain(node);
    if (isNothing(value)) return undefined;
    if (isScalar(value) && typeof value.value === 'string') return value.value;
    complain(value, 'expected a text', isScalar(value) ? `put it in quotes: "${String(value.value)}"` : undefined);
    return undefined;
  }

  function boolean(node: Node): boolean | undefined {
    const value = plain(node);
    if (isNothing(value)) return undefined;
    if (isScalar(value) && typeof value.value === 'boolean') return value.value;
    complain(value, 'expected true or false');
    return undefined;
  }

  function list(node: Node): Node[] {
    const value = plain(node);
    if (isNothing(value)) return [];
    if (isSeq(value)) return value.items.map((item) => plain(item as Node));
    complain(value, 'expected a list');
    return [];
  }

  /** A list, or one item standing for a list of one. */
  function items(node: Node): Node[] {
    const value = plain(node);
    return isNothing(value) ? [] : isSeq(value) ? list(value) : [value];
  }

  function oneOf<T extends string>(node: Node, allowed: readonly T[]): T | undefined {
    const value = text(node);
    if (value === undefined || allowed.includes(value as T)) return value as T | undefined;
    const suggestion = nearest(value, allowed);
    complain(
      node,
      `"${value}" is not one of ${allowed.join(', ')}`,
      suggestion === undefined ? undefined : `did you mean "${suggestion}"?`,
    );
    return undefined;
  }

  return {
    problems,
    complain,
    positionOf,
    root: (): Node => (document.errors.length > 0 ? undefined : document.contents),
    entries,
    map,
    text,
    boolean,
    list,
    /** How many items a list or a single item comes to, without looking at them. */
    countOf: (node: Node): number => (isSeq(node) ? node.items.length : isNothing(node) ? 0 : 1),
    texts: (node: Node): string[] => items(node).flatMap((item) => text(item) ?? []),
    oneOf,
    someOf: <T extends string>(node: Node, allowed: readonly T[]): T[] =>
      items(node).flatMap((item) => oneOf(item, allowed) ?? []),
    address(node: Node): string | undefined {
      const value = text(node);
      if (value !== undefined && isIP(value) === 0) complain(node, `"${value}" is not an IP address`);
      return value;
    },
    required(field: Node, owner: Node, name: string): Node {
      if (isNothing(field)) complain(owner, `the field "${name}" is missing`);
      return field;
    },
    /** Names of things that are described elsewhere in the file. */
    references<T>(node: Node, known: ReadonlyMap<string, T>, what: string, where: string): [string, T][] {
      return items(node).flatMap((item): [string, T][] => {
        const name = text(item);
        if (name === undefined) return [];
        const value = known.get(name);
        if (value !== undefined) return [[name, value]];
        if (problems.length >= maxProblems) return [];
        const suggestion = nearest(name, [...known.keys()]);
        complain(
          item,
          `there is no ${what} "${name}"`,
          suggestion ? `did you mean "${suggestion}"?` : `describe it under ${where}:`,
        );
        return [];
      });
    },
  };
}

function isNothing(node: Node): node is undefined | null {
  return node === undefined || node === null || (isScalar(node) && node.value === null);
}

/**
 * Where a text is nested more deeply than cases ever are: by brackets outside of quotes (YAML 1.2, 7.4 flow collections), by
 * indentation, or by several `- ` or `? ` in one line (8.2 block collections).
 */
function firstTooNested(text: string): Position | undefined {
  let open = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const marks = /^(?:[ \t]|[-?](?=[ \t]))*/.exec(line)?.[0] ?? '';
    const levels = marks.replaceAll(/[ \t]/g, '').length;
    // A level takes at least one space.
    if (levels > maxNesting || marks.length > maxIndentation) return { line: index + 1, column: marks.length };
    let quote = '';
    let before = '';
    for (let at = marks.length; at < line.length; at += 1) {
      const character = line[at]!;
      if (quote !== '') {
        if (character === '\\' && quote === '"') at += 1;
        else if (character === quote) quote = '';
        continue;
      }
      if ((character === '"' || character === "'") && '[{,:'.includes(before)) quote = character;
      else if (character === '#' && (before === '' || line[at - 1] === ' ')) break;
      else if (character === '[' || character === '{') open += 1;
      else if (character === ']' || character === '}') open = Math.max(0, open - 1);
      if (open > maxNesting) return { line: index + 1, column: at + 1 };
      if (character !== ' ') before = character;
    }
  }
  return undefined;
}

const maxIndentation = 200;
