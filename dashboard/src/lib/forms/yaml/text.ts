/** Values as a YAML file has them, both ways. */
import { stringify } from 'yaml';
import { readYaml } from '../../../../../gateway/lib/yaml/plain-yaml.ts';
import { isJsonObject, type JsonObject, type JsonValue, namesIn } from '../pointer.ts';

export type Read<T> = { value: T; lineOf(pointer: string): number | undefined } | { problem: string; line: number };

const mostCharacters = 128 * 1024;

export const textOf = (value: JsonValue | undefined): string =>
  value === undefined || value === null ? '' : stringify(value, { lineWidth: 0 });

/** What a text says, or the first thing that is wrong with it; nothing at all says null. Bounded as the gateway's own reading is. */
export function readText(text: string): Read<JsonValue> {
  if (text.length > mostCharacters) return { problem: `More than ${mostCharacters} characters.`, line: 1 };
  const problems: { message: string; line?: number }[] = [];
  const read = readYaml('values.yaml', text, problems as never);
  const [problem] = problems;
  if (read === undefined || problem !== undefined)
    return { problem: asSentence(problem?.message ?? 'This is no YAML'), line: problem?.line ?? 1 };
  return {
    value: read.value,
    lineOf: (pointer) => read.lineOf(namesIn(pointer).map((name) => (/^\d+$/.test(name) ? Number(name) : name))),
  };
}

/** The same for a whole set of values, which is a section. */
export function readValues(text: string): Read<JsonObject> {
  const read = readText(text);
  if ('problem' in read) return read;
  if (read.value === null) return { ...read, value: {} };
  return isJsonObject(read.value)
    ? { ...read, value: read.value }
    : { problem: 'Values are a section with keys.', line: 1 };
}

const asSentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
