import type { TSchema } from 'typebox';
import { nearest } from '../lib/index.ts';

/** One thing wrong with a setting: where it is, what was found, what is allowed. */
export type ConfigProblem = {
  /** Key path as written: `integrations.jupyterhub.mode`, `apps[0].upstream`; '' for the whole file. */
  path: string;
  /** What is wrong, with the value found and what is allowed. */
  message: string;
  /** Position in the file, 1-based, when the value came from one. */
  line?: number;
  column?: number;
};

type Schema = TSchema & {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  const?: unknown;
  default?: unknown;
  description?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
};

/**
 * Checks a value against the schema and fills in defaults, collecting every problem instead of stopping at the first.
 * The result may be used only when `problems` stayed empty.
 */
export function checkAgainst(schema: TSchema, value: unknown, problems: ConfigProblem[], path = ''): unknown {
  const node = schema as Schema;
  if (node.anyOf) return checkUnion(node, value, problems, path);
  switch (node.type) {
    case 'object':
      return checkObject(node, value, problems, path);
    case 'array':
      return checkArray(node, value, problems, path);
    default:
      return checkScalar(node, value, problems, path);
  }
}

function checkObject(schema: Schema, value: unknown, problems: ConfigProblem[], path: string): unknown {
  // A section that is left empty in YAML (`tls:`) is null and means the defaults.
  const given = value ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    problems.push({ path, message: `must be a section with keys, but it is ${show(value)}` });
    return {};
  }
  const properties = schema.properties ?? {};
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(properties, key)) continue;
    const close = nearest(key, Object.keys(properties));
    const hint = close ? `did you mean "${close}"?` : `known keys: ${Object.keys(properties).join(', ')}`;
    problems.push({ path: join(path, key), message: `unknown key "${key}"; ${hint}` });
  }
  for (const [key, child] of Object.entries(properties)) {
    const at = join(path, key);
    const isSection = child.type === 'object' && schema.required?.includes(key);
    const found = Object.hasOwn(given, key) ? (given as Record<string, unknown>)[key] : undefined;
    if (found === undefined || (found === null && !isSection)) {
      if (isSection) result[key] = checkAgainst(child, {}, problems, at);
      else if (child.default !== undefined) result[key] = structuredClone(child.default);
      else if (schema.required?.includes(key))
        problems.push({ path: at, message: `is missing; ${describeAllowed(child)}` });
    } else {
      result[key] = checkAgainst(child, found, problems, at);
    }
  }
  return result;
}

function checkArray(schema: Schema, value: unknown, problems: ConfigProblem[], path: string): unknown {
  if (!Array.isArray(value)) {
    problems.push({ path, message: `must be a list, but it is ${show(value)}` });
    return [];
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    problems.push({ path, message: `needs at least ${schema.minItems} entry` });
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    problems.push({ path, message: `has ${value.length} entries; at most ${schema.maxItems} are allowed` });
  }
  return value.map((item, index) => checkAgainst(schema.items!, item, problems, `${path}[${index}]`));
}

function checkUnion(schema: Schema, value: unknown, problems: ConfigProblem[], path: string): unknown {
  for (const branch of schema.anyOf!) {
    const attempt: ConfigProblem[] = [];
    const result = checkAgainst(branch, value, attempt, path);
    if (attempt.length === 0) return result;
  }
  const literals = schema.anyOf!.map((branch) => branch.const).filter((literal) => literal !== undefined);
  const close = typeof value === 'string' ? nearest(value, literals.map(String)) : undefined;
  problems.push({
    path,
    message: `${describeAllowed(schema)}, but it is ${show(value)}${close ? `; did you mean "${close}"?` : ''}`,
  });
  return undefined;
}

function checkScalar(schema: Schema, value: unknown, problems: ConfigProblem[], path: string): unknown {
  if (!isScalarAllowed(schema, value)) {
    problems.push({ path, message: `${describeAllowed(schema)}, but it is ${show(value)}` });
  }
  return value;
}

function isScalarAllowed(schema: Schema, value: unknown): boolean {
  if (schema.const !== undefined) return value === schema.const;
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return (
        Number.isSafeInteger(value) &&
        (value as number) >= (schema.minimum ?? -Infinity) &&
        (value as number) <= (schema.maximum ?? Infinity)
      );
    case 'number':
      return (
        Number.isFinite(value) &&
        (value as number) >= (schema.minimum ?? -Infinity) &&
        (value as number) <= (schema.maximum ?? Infinity)
      );
    case 'string':
      return (
        typeof value === 'string' &&
        value.length >= (schema.minLength ?? 0) &&
        value.length <= (schema.maxLength ?? Infinity) &&
        (schema.pattern === undefined || new RegExp(schema.pattern).test(value))
      );
    default:
      return false;
  }
}

/** What a setting may be, in words: the second half of every message. */
export function describeAllowed(schema: TSchema): string {
  const {
    anyOf,
    const: literal,
    type,
    minimum,
    maximum,
    minLength,
    maxLength,
    description,
    properties,
  } = schema as Schema;
  if (anyOf?.every((branch) => branch.const !== undefined)) {
    return `must be one of ${anyOf.map((branch) => JSON.stringify(branch.const)).join(', ')}`;
  }
  if (literal !== undefined) return `must be ${JSON.stringify(literal)}`;
  if (anyOf)
    return `must be ${anyOf.map((branch) => `{${Object.keys(branch.properties ?? {}).join(', ')}: …}`).join(' or ')}`;
  if (properties) return `must be a section with keys ${Object.keys(properties).join(', ')}`;
  if (type === 'number') return `must be a number from ${minimum ?? '-∞'} to ${maximum ?? '∞'}`;
  if (type === 'integer') {
    const range = maximum === undefined ? `of at least ${minimum ?? 0}` : `from ${minimum ?? 0} to ${maximum}`;
    return `must be a whole number ${range}`;
  }
  if (type === 'boolean') return 'must be true or false';
  const length = maxLength === undefined ? '' : ` of ${minLength ?? 0} to ${maxLength} characters`;
  return `must be text${length}${description ? ` (${description.replace(/\.$/, '')})` : ''}`;
}

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const join = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);
