import { format, type OutputUnit, Validator } from '@cfworker/json-schema';
import { mostPatternText } from './pattern.ts';
import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from '../template-plan.ts';
import { plainSchema } from './plain-schema.ts';
import { pointerOf } from './pointer.ts';

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
    const found = checkBounds(child, pointer + pointerOf([key]), depth + 1, seen);
    if (found) return found;
  }
  return undefined;
}

/**
 * One line for each place: the innermost reason, because "properties" or "if" say nothing to a person. Of alternatives none of which
 * fits no single reason is the right one.
 */
function describe(errors: readonly OutputUnit[]): ValueProblem[] {
  const wrappers = new Set(['properties', 'items', 'allOf', 'if', 'then', 'else', '$ref', 'additionalProperties']);
  const found = new Map<string, string>();
  for (const { keyword, keywordLocation, instanceLocation, error } of errors) {
    if (wrappers.has(keyword) || isInAlternative.test(keywordLocation)) continue;
    const missing = keyword === 'required' ? /required property "(.*)"\.$/s.exec(error)?.[1] : undefined;
    const place = instanceLocation.replace(/^#/, '');
    // What is missing is said where it would be.
    const pointer = missing === undefined ? place : place + pointerOf([missing]);
    if (!found.has(pointer)) found.set(pointer, messageOf(keyword, error));
  }
  if (found.size === 0 && errors.length > 0) found.set('', errors[0]!.error);
  return [...found].slice(0, mostProblems).map(([pointer, message]) => ({ pointer, message }));
}

const isInAlternative = /\/(?:oneOf|anyOf)\/\d+\//;

const typeWords: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section with keys',
  null: 'nothing',
};

/** The library's words, as a person reads them beside a field. */
function messageOf(keyword: string, error: string): string {
  switch (keyword) {
    case 'false':
      return 'This is not known here.';
    case 'required':
      return 'This is needed.';
    case 'type': {
      const types = [...(/Expected (.*)\.$/.exec(error)?.[1] ?? '').matchAll(/"(\w+)"/g)];
      const words = types.map(([, type]) => typeWords[type!] ?? type!);
      return words.length === 0 ? error : `Must be ${words.join(' or ')}.`;
    }
    case 'enum':
      return `Must be one of ${short(error.slice(error.indexOf('['), -1))}.`;
    case 'const':
      return `Must be ${short(error.slice('Instance does not match '.length, -1))}.`;
    case 'anyOf':
    case 'oneOf':
      return 'Fits none of the forms it may have, or several.';
    case 'minLength':
      return `Must have at least ${boundIn(error)} characters.`;
    case 'maxLength':
      return `Must have at most ${boundIn(error)} characters.`;
    case 'minItems':
      return `Must have at least ${boundIn(error)} items.`;
    case 'maxItems':
      return `Must have at most ${boundIn(error)} items.`;
    case 'minimum':
      return `Must be at least ${lastNumberIn(error)}.`;
    case 'maximum':
      return `Must be at most ${lastNumberIn(error)}.`;
    case 'format': {
      const at = error.indexOf(patternMark);
      if (at === -1) return `Must be ${/"(.*)"\.$/.exec(error)?.[1] ?? 'of its format'}.`;
      return `Must match ${error.slice(at + patternMark.length, -2)} and have at most ${mostPatternText} characters.`;
    }
    default:
      return error;
  }
}

const short = (text: string): string => (text.length <= 300 ? text : `${text.slice(0, 299)}…`);
const boundIn = (error: string): string => /[<>] (\d+)\)\.$/.exec(error)?.[1] ?? '…';
const lastNumberIn = (error: string): string => /(-?[\d.e+-]+?)\.$/i.exec(error)?.[1] ?? '…';

/** The defaults of a template with what a person gave in their place; lists are replaced as a whole, as Helm does. */
export function withDefaults(defaults: JsonObject, given: JsonObject): JsonObject {
  const merged: JsonObject = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const before = merged[key];
    merged[key] = isJsonObject(before) && isJsonObject(value) ? withDefaults(before, value) : value;
  }
  return merged;
}
