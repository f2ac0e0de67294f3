/** Which control a field of the schema gets, and what it offers. */
import type { JsonValue } from './pointer.ts';
import { hintsOf, type JsonSchema } from './resolve.ts';

export type ControlKind =
  | 'text'
  | 'number'
  | 'slider'
  | 'select'
  | 'switch'
  | 'area'
  | 'code'
  | 'secret'
  | 'folder'
  | 'team'
  | 'service'
  | 'size';

/** Kind of a value as a form sees it: of several types the first that is not null. */
export function typeOf({ type }: JsonSchema): string | undefined {
  if (Array.isArray(type)) return (type as string[]).find((each) => each !== 'null');
  return typeof type === 'string' ? type : undefined;
}

/** Null is a value it may have; without a type any is. */
export const takesNull = ({ type }: JsonSchema): boolean =>
  type === undefined || type === 'null' || (Array.isArray(type) && type.includes('null'));

/** What a field holds that was emptied: nothing at all, where that may be said; else no value. */
export const emptied = (schema: JsonSchema): null | undefined => (takesNull(schema) ? null : undefined);

export type Option = { value: JsonValue; label: string; hint?: string };

const mostOptions = 500;

/** The values to choose from, where the schema lists them all. */
export function optionsOf(schema: JsonSchema): Option[] | undefined {
  const { enum: values } = schema;
  if (Array.isArray(values))
    return values.slice(0, mostOptions).map((value: JsonValue) => ({ value, label: wordOf(value) }));
  const list = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const found: Option[] = [];
  for (const each of list.slice(0, mostOptions) as JsonSchema[]) {
    if (typeof each !== 'object' || !Object.hasOwn(each, 'const')) return undefined;
    const value = each['const'] as JsonValue;
    const { title, description } = each;
    found.push({
      value,
      label: typeof title === 'string' ? title : wordOf(value),
      ...(typeof description === 'string' && { hint: description }),
    });
  }
  return found;
}

const wordOf = (value: JsonValue): string =>
  (typeof value === 'string' ? value || '(empty)' : JSON.stringify(value)).slice(0, 120);

export function controlOf(schema: JsonSchema): ControlKind {
  const { widget, secret = false, from } = hintsOf(schema);
  const type = typeOf(schema);
  if (from === 'folders') return 'folder';
  if (from === 'teams') return 'team';
  if (from === 'services') return 'service';
  if (from === 'sizes') return 'size';
  if (secret) return 'secret';
  if (type === 'boolean') return 'switch';
  if (optionsOf(schema) !== undefined) return 'select';
  if (type === 'integer' || type === 'number') {
    const isBounded = typeof schema['minimum'] === 'number' && typeof schema['maximum'] === 'number';
    return widget === 'slider' && isBounded ? 'slider' : 'number';
  }
  if (widget === 'code') return 'code';
  const { maxLength } = schema;
  return widget === 'textarea' || (typeof maxLength === 'number' && maxLength > 300) ? 'area' : 'text';
}

/** Values offered beside a control: plain ones, or with words of their own. */
export function presetsOf(schema: JsonSchema): Option[] {
  const { presets } = hintsOf(schema);
  if (!Array.isArray(presets)) return [];
  return presets.slice(0, 8).flatMap((preset): Option[] => {
    if (preset !== null && typeof preset === 'object') {
      const { value, title } = preset as { value?: JsonValue; title?: unknown };
      return value === undefined
        ? []
        : [{ value, label: typeof title === 'string' ? title.slice(0, 40) : wordOf(value) }];
    }
    return [{ value: preset as JsonValue, label: wordOf(preset as JsonValue) }];
  });
}

export const inputTypeOf = ({ format }: JsonSchema): 'text' | 'email' | 'url' | 'date' | 'time' =>
  (({ email: 'email', uri: 'url', date: 'date', time: 'time' }) as const)[
    format as 'email' | 'uri' | 'date' | 'time'
  ] ?? 'text';
