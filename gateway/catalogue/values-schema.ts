import {
  definitionAt,
  isJsonObject,
  type JsonSchema,
  knownFormats,
  knownKeywords,
  pointerOf,
  refusedPattern,
  subschemas,
} from '../lib/index.ts';
import type { TemplateProblem } from './template.ts';

const file = 'values.schema.json';
const mostNodes = 2_000;
const mostDepth = 16;
/** With each reference in the place of what it leads to: what a check of values, or a form, may have to go through. */
const mostUnfolded = 10_000;
const mostLevels = 32;

/** Hints beside a property, under `x-knot`; what a form does with each is described in charts/README.md. */
const hints: Record<string, (value: unknown) => boolean> = {
  order: (value) => typeof value === 'number',
  group: isShortText,
  widget: (value) => ['text', 'textarea', 'slider', 'select', 'switch', 'code'].includes(value as string),
  advanced: isBoolean,
  hidden: isBoolean,
  secret: isBoolean,
  unit: isShortText,
  presets: Array.isArray,
  visibleIf: (value) => isJsonObject(value) && Object.keys(value).length <= 10,
  engine: (value) => ['process', 'kubernetes'].includes(value as string),
  accelerator: (value) => typeof value === 'string' && /^[a-z0-9.-]{1,253}\/[A-Za-z0-9._-]{1,63}$/.test(value),
  from: (value) => ['folders', 'teams', 'services', 'sizes'].includes(value as string),
};

/**
 * Reads `values.schema.json`. A schema comes from whoever wrote the template, and everybody's launch is checked by it: it is
 * bounded in size, depth and in what its regular expressions may cost, and refers to nothing outside itself.
 */
export function readValuesSchema(text: string, problems: TemplateProblem[]): JsonSchema | undefined {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    const line = at === undefined ? {} : { line: text.slice(0, Number(at)).split('\n').length };
    problems.push({ file, severity: 'error', message: 'is not JSON', ...line });
    return undefined;
  }
  if (!isJsonObject(schema)) {
    problems.push({ file, severity: 'error', message: 'must be an object' });
    return undefined;
  }
  const before = problems.length;
  const complain = (severity: TemplateProblem['severity'], pointer: string, message: string): void =>
    void problems.push({ file, severity, message: `${pointer || '/'} ${message}` });
  const { type } = schema;
  if (type !== undefined && type !== 'object') complain('error', '', 'must be of type "object"');
  const visited = { nodes: 0 };
  visit(schema, '', 0, visited, complain);
  if (visited.nodes <= mostNodes) checkReferences(schema, complain);
  return problems.slice(before).some(({ severity }) => severity === 'error') ? undefined : schema;
}

type Complain = (severity: TemplateProblem['severity'], pointer: string, message: string) => void;

function visit(schema: unknown, pointer: string, depth: number, visited: { nodes: number }, complain: Complain): void {
  visited.nodes += 1;
  if (visited.nodes > mostNodes) {
    if (visited.nodes === mostNodes + 1) complain('error', '', `has more than ${mostNodes} parts`);
    return;
  }
  if (typeof schema === 'boolean') return;
  if (!isJsonObject(schema)) return complain('error', pointer, 'must be a schema');
  if (depth > mostDepth) return complain('error', pointer, `is nested more than ${mostDepth} levels deep`);
  for (const keyword of Object.keys(schema))
    if (!knownKeywords.has(keyword)) complain('warning', pointer, `"${keyword}" is not understood and has no effect`);
  const { pattern, 'x-knot': hint } = schema;
  if (pattern !== undefined) {
    const reason = typeof pattern === 'string' ? refusedPattern(pattern) : 'is no text';
    if (reason !== undefined) complain('error', `${pointer}/pattern`, reason);
  }
  const { format } = schema;
  if (format !== undefined && !knownFormats.has(format as string))
    complain('warning', `${pointer}/format`, `is not checked: there are ${[...knownFormats].join(', ')}`);
  if (hint !== undefined) checkHint(hint, pointer, complain);
  for (const keyword of subschemas.list)
    if (schema[keyword] !== undefined && !Array.isArray(schema[keyword]))
      complain('error', `${pointer}/${keyword}`, 'must be a list');
  for (const keyword of subschemas.named)
    if (schema[keyword] !== undefined && !isJsonObject(schema[keyword]))
      complain('error', `${pointer}/${keyword}`, 'must be an object');
  for (const [path, child] of childrenOf(schema)) visit(child, `${pointer}/${path}`, depth + 1, visited, complain);
}

function checkHint(hint: unknown, pointer: string, complain: Complain): void {
  if (!isJsonObject(hint)) return complain('error', `${pointer}/x-knot`, 'must be an object');
  for (const [name, value] of Object.entries(hint)) {
    const check = Object.hasOwn(hints, name) ? hints[name] : undefined;
    if (!check)
      complain('warning', `${pointer}/x-knot`, `"${name}" is not known: there are ${Object.keys(hints).join(', ')}`);
    else if (!check(value)) complain('error', `${pointer}/x-knot/${name}`, 'is not what this hint takes');
  }
}

/**
 * References lead to a definition in the same file, and never in a circle: values are finite, but a check of them need not be. Nor may
 * they unfold to much: definitions that use one another twice double with each.
 */
function checkReferences(root: JsonSchema, complain: Complain): void {
  type Unfolded = { parts: number; levels: number };
  const known = new Map<unknown, Unfolded | 'open'>();
  const nothing: Unfolded = { parts: 1, levels: 0 };
  const follow = (schema: unknown, pointer: string): Unfolded => {
    if (!isJsonObject(schema)) return nothing;
    const before = known.get(schema);
    if (before === 'open') {
      complain('error', pointer, 'refers to itself in a circle');
      return nothing;
    }
    if (before !== undefined) return before;
    known.set(schema, 'open');
    const inside: Unfolded[] = [];
    const { $ref } = schema;
    if ($ref !== undefined) {
      const target = definitionAt(root, $ref);
      if (target === undefined) complain('error', `${pointer}/$ref`, 'must be #/$defs/NAME of this file');
      else inside.push(follow(target, pointer));
    }
    for (const [path, child] of childrenOf(schema)) {
      const unfolded = follow(child, `${pointer}/${path}`);
      if (!isDefinition(path)) inside.push(unfolded);
    }
    const own = {
      parts: inside.reduce((sum, { parts }) => sum + parts, 1),
      levels: inside.reduce((most, { levels }) => Math.max(most, levels + 1), 0),
    };
    known.set(schema, own);
    return own;
  };
  const { parts, levels } = follow(root, '');
  if (parts > mostUnfolded) complain('error', '', `unfolds to more than ${mostUnfolded} parts`);
  if (levels > mostLevels) complain('error', '', `leads through more than ${mostLevels} levels`);
}

const isDefinition = (path: string): boolean => /^(?:\$defs|definitions)\//.test(path);

/** The schemas in a schema, by their pointer in it. */
function* childrenOf(schema: JsonSchema): Generator<[path: string, child: unknown]> {
  for (const keyword of subschemas.one) if (schema[keyword] !== undefined) yield [keyword, schema[keyword]];
  for (const keyword of subschemas.list) {
    const list = schema[keyword];
    if (Array.isArray(list)) for (const [index, child] of list.entries()) yield [`${keyword}/${index}`, child];
  }
  for (const keyword of subschemas.named) {
    const named = schema[keyword];
    if (isJsonObject(named))
      for (const [name, child] of Object.entries(named)) yield [keyword + pointerOf([name]), child];
  }
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 60;
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}
