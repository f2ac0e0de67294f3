import { refusedPattern } from './pattern.ts';
import { isJsonObject, type JsonSchema } from '../lib/index.ts';
import type { TemplateProblem } from './template.ts';

const file = 'values.schema.json';
const mostNodes = 2_000;
const mostDepth = 16;

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
  from: (value) => ['folders', 'teams', 'services', 'sizes'].includes(value as string),
};

/** Keywords that the form and the check of values understand; one that is unknown would be a promise that nobody keeps. */
const known = new Set(
  [
    '$schema $id $comment $defs definitions $ref title description default examples type enum const format pattern',
    'minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems items',
    'properties required additionalProperties minProperties maxProperties allOf anyOf oneOf not if then else',
    'dependentRequired dependentSchemas readOnly deprecated x-knot form x-onyxia',
  ]
    .join(' ')
    .split(' '),
);

/** Formats that are checked; the library's own tests of these are linear. */
export const knownFormats = new Set('email uri hostname ipv4 ipv6 uuid date time date-time duration'.split(' '));

const ofSchema = ['additionalProperties', 'items', 'not', 'if', 'then', 'else'];
const ofSchemas = ['allOf', 'anyOf', 'oneOf'];
const ofNamed = ['properties', '$defs', 'definitions', 'dependentSchemas'];

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

/**
 * The same schema with nothing in it but what is understood. Each `pattern` is handed to `patternFormat`, which names a format that
 * tests it; the schema must have been read by `readValuesSchema`.
 */
export function plainSchema(schema: unknown, patternFormat: (pattern: string) => string): JsonSchema | boolean {
  if (!isJsonObject(schema)) return schema === true;
  const plain: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (!known.has(keyword) || keyword === 'x-knot' || keyword === 'pattern') continue;
    if (keyword === 'format' && !knownFormats.has(value as string)) continue;
    plain[keyword] = ofSchema.includes(keyword)
      ? plainSchema(value, patternFormat)
      : Array.isArray(value) && ofSchemas.includes(keyword)
        ? value.map((each) => plainSchema(each, patternFormat))
        : isJsonObject(value) && ofNamed.includes(keyword)
          ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plainSchema(each, patternFormat)]))
          : structuredClone(value);
  }
  if (typeof schema['pattern'] === 'string') {
    const all = Array.isArray(plain['allOf']) ? (plain['allOf'] as JsonSchema[]) : [];
    plain['allOf'] = [...all, { format: patternFormat(schema['pattern']) }];
  }
  return plain;
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
    if (!known.has(keyword)) complain('warning', pointer, `"${keyword}" is not understood and has no effect`);
  const { pattern, 'x-knot': hint } = schema;
  if (pattern !== undefined) {
    const reason = typeof pattern === 'string' ? refusedPattern(pattern) : 'is no text';
    if (reason !== undefined) complain('error', `${pointer}/pattern`, reason);
  }
  const { format } = schema;
  if (format !== undefined && !knownFormats.has(format as string))
    complain('warning', `${pointer}/format`, `is not checked: there are ${[...knownFormats].join(', ')}`);
  if (hint !== undefined) checkHint(hint, pointer, complain);
  const next = (child: unknown, path: string): void => visit(child, `${pointer}/${path}`, depth + 1, visited, complain);
  for (const keyword of ofSchema) if (schema[keyword] !== undefined) next(schema[keyword], keyword);
  for (const keyword of ofSchemas) {
    const list = schema[keyword];
    if (list === undefined) continue;
    if (!Array.isArray(list)) complain('error', `${pointer}/${keyword}`, 'must be a list');
    else list.forEach((child, index) => next(child, `${keyword}/${index}`));
  }
  for (const keyword of ofNamed) {
    const named = schema[keyword];
    if (named === undefined) continue;
    if (!isJsonObject(named)) complain('error', `${pointer}/${keyword}`, 'must be an object');
    else for (const [name, child] of Object.entries(named)) next(child, `${keyword}/${escape(name)}`);
  }
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

/** References lead to a definition in the same file, and never in a circle: values are finite, but a check of them need not be. */
function checkReferences(root: JsonSchema, complain: Complain): void {
  const state = new Map<unknown, 'open' | 'done'>();
  const follow = (schema: unknown, pointer: string): void => {
    if (!isJsonObject(schema) || state.get(schema) === 'done') return;
    if (state.get(schema) === 'open') return complain('error', pointer, 'refers to itself in a circle');
    state.set(schema, 'open');
    const { $ref } = schema;
    if ($ref !== undefined) {
      const target = typeof $ref === 'string' ? resolve(root, $ref) : undefined;
      if (target === undefined) complain('error', `${pointer}/$ref`, 'must be #/$defs/NAME of this file');
      else follow(target, pointer);
    }
    for (const keyword of [...ofSchema, ...ofSchemas, ...ofNamed]) {
      const child = schema[keyword];
      if (ofSchema.includes(keyword)) follow(child, `${pointer}/${keyword}`);
      else if (Array.isArray(child)) child.forEach((each, index) => follow(each, `${pointer}/${keyword}/${index}`));
      else if (isJsonObject(child))
        for (const [name, each] of Object.entries(child)) follow(each, `${pointer}/${keyword}/${escape(name)}`);
    }
    state.set(schema, 'done');
  };
  follow(root, '');
}

function resolve(root: JsonSchema, reference: string): unknown {
  const [, keyword, name] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
  if (keyword === undefined || name === undefined) return undefined;
  const named = root[keyword];
  const key = name.replaceAll('~1', '/').replaceAll('~0', '~');
  return isJsonObject(named) && Object.hasOwn(named, key) ? named[key] : undefined;
}

const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 60;
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}
