import { format, type OutputUnit, Validator } from '@cfworker/json-schema';
import { mostPatternText } from './pattern.ts';
import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from '../template-plan.ts';
import { plainSchema } from './plain-schema.ts';

/** What a value must be and is not; `pointer` is a JSON pointer (RFC 6901) into the values, '' for all of them. */
export type ValueProblem = { pointer: string; message: string };

const mostCharacters = 64 * 1024;
const mostDepth = 20;
/** Each may be looked at by each part of a schema. */
const mostParts = 2_000;
const mostProblems = 100;

type Compiled = { validator: Validator; formats: Record<string, (text: string) => boolean> };

/** Once for each schema object; a template that is read anew has another. */
const compiled = new WeakMap<JsonSchema, Compiled>();

/**
 * Checks values against the schema of a template: the same schema and the same check as in the browser. Bounded whatever the schema
 * and the values are: both may come from somebody who means no good.
 */
export function checkValues(schema: JsonSchema, values: JsonValue): ValueProblem[] {
  const tooMuch = checkBounds(values, '', 0, { parts: 0 });
  if (tooMuch) return [tooMuch];
  if (JSON.stringify(values).length > mostCharacters)
    return [{ pointer: '', message: `The values have more than ${mostCharacters} characters.` }];
  const { validator, formats } = compile(schema);
  // The library knows one table of formats for all schemas: those of this one are in it for as long as they are needed.
  Object.assign(format, formats);
  try {
    return describe(validator.validate(values).errors);
  } finally {
    for (const name of Object.keys(formats)) delete format[name];
  }
}

function compile(schema: JsonSchema): Compiled {
  const known = compiled.get(schema);
  if (known) return known;
  const formats: Compiled['formats'] = {};
  const plain = plainSchema(schema, (pattern) => {
    const name = `${patternMark}${pattern}`;
    const expression = new RegExp(pattern, 'u');
    formats[name] ??= (text) => text.length <= mostPatternText && expression.test(text);
    return name;
  });
  const fresh = { validator: new Validator(plain, '2020-12', false), formats };
  compiled.set(schema, fresh);
  return fresh;
}

const patternMark = 'pattern ';

function checkBounds(
  value: JsonValue,
  pointer: string,
  depth: number,
  seen: { parts: number },
): ValueProblem | undefined {
  seen.parts += 1;
  if (seen.parts > mostParts) return { pointer: '', message: `The values have more than ${mostParts} parts.` };
  if (depth > mostDepth) return { pointer, message: `Nested more than ${mostDepth} levels deep.` };
  if (value === null || typeof value !== 'object') return undefined;
  for (const [key, child] of Object.entries(value)) {
    const found = checkBounds(child, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1, seen);
    if (found) return found;
  }
  return undefined;
}

/** One line for each place: the innermost reason, because "properties" or "if" say nothing to a person. */
function describe(errors: readonly OutputUnit[]): ValueProblem[] {
  const wrappers = new Set(['properties', 'items', 'allOf', 'if', 'then', 'else', '$ref', 'additionalProperties']);
  const found = new Map<string, string>();
  for (const { keyword, instanceLocation, error } of errors) {
    const pointer = instanceLocation.replace(/^#/, '');
    if (wrappers.has(keyword)) continue;
    if (!found.has(pointer)) found.set(pointer, messageOf(keyword, error));
  }
  if (found.size === 0 && errors.length > 0) found.set('', errors[0]!.error);
  return [...found].slice(0, mostProblems).map(([pointer, message]) => ({ pointer, message }));
}

function messageOf(keyword: string, error: string): string {
  if (keyword === 'false') return 'This is not known here.';
  if (keyword !== 'format') return error;
  const pattern = error.includes(patternMark)
    ? error.slice(error.indexOf(patternMark) + patternMark.length, -2)
    : undefined;
  if (pattern === undefined) return error;
  return `Must match ${pattern} and have at most ${mostPatternText} characters.`;
}

/** The defaults of a template with what a person gave in their place; lists are replaced as a whole, as Helm does. */
export function withDefaults(defaults: JsonObject, given: JsonObject): JsonObject {
  const merged: JsonObject = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const before = merged[key];
    merged[key] = isJsonObject(before) && isJsonObject(value) ? withDefaults(before, value) : value;
  }
  return merged;
}
