import { parseAllDocuments, type Tags } from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/index.ts';

/** An object as a chart renders it, before anything is believed of it. */
export type Rendered = JsonObject & {
  apiVersion: string;
  kind: string;
  metadata: JsonObject & { name: string };
};

/** What a rendered text is not, in plain words. */
export class NotAManifest extends Error {}

/** Bytes of all objects together; a release is kept in one Secret, which holds 1 MiB of it compressed. */
export const mostManifestBytes = 2 * 1024 * 1024;
/** Of one release; what people launch has about ten. */
export const mostObjects = 200;
const mostAliases = 100;

/**
 * The objects in what Helm rendered. They are read once, here, and what is sent to the cluster is written from what was read: two
 * readers of one text need not agree. YAML 1.1, as Kubernetes reads it (`0755` is octal, `yes` is true), where times and numbers with
 * colons are texts.
 * @throws NotAManifest
 */
export function readManifest(text: string): Rendered[] {
  const tooMuch = mereSize(text);
  if (tooMuch !== undefined) throw new NotAManifest(tooMuch);
  const documents = parseAllDocuments(text, {
    ...{ version: '1.1', schema: 'yaml-1.1', uniqueKeys: false, logLevel: 'silent' },
    customTags: onlyPlain,
  });
  if (!Array.isArray(documents)) return [];
  const found: Rendered[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw new NotAManifest(`it is no YAML: ${firstLine(error.message)}`);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: mostAliases });
    } catch (failure) {
      throw new NotAManifest(`it is no YAML: ${firstLine((failure as Error).message)}`);
    }
    // Between two separators stands nothing.
    if (value !== null && value !== undefined) found.push(...objectsIn(value as JsonValue, true));
  }
  if (found.length > mostObjects) throw new NotAManifest(tooMany(found.length));
  return found;
}

/** Why a text is refused before it is read, which takes its time. */
export function mereSize(text: string): string | undefined {
  if (Buffer.byteLength(text) > mostManifestBytes) return 'it is larger than 2 MiB';
  const separators = text.match(/^---/gm)?.length ?? 0;
  return separators > 2 * mostObjects ? tooMany(separators) : undefined;
}

const tooMany = (count: number): string => `it has ${count} objects, and a service may have ${mostObjects}`;

/** Lists are what is in them (`kind: List`, `kind: ConfigMapList`), once. */
function objectsIn(value: JsonValue, mayBeList: boolean): Rendered[] {
  if (!isJsonObject(value)) throw new NotAManifest('it holds something that is no object');
  const { apiVersion, kind, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    throw new NotAManifest('it holds something without apiVersion and kind');
  if (mayBeList && kind.endsWith('List') && Array.isArray(items))
    return items.flatMap((item) => objectsIn(item, false));
  const { metadata } = value;
  const name = isJsonObject(metadata) ? metadata['name'] : undefined;
  if (!isJsonObject(metadata) || typeof name !== 'string') throw new NotAManifest(`a ${kind} in it has no name`);
  return [{ ...value, apiVersion, kind, metadata: { ...metadata, name } }];
}

/**
 * The objects as one text that Helm takes apart again: JSON is YAML, and nothing in it can begin another document. What YAML 1.1 takes
 * for the end of a line, or for no character at all (sections 4.1 and 4.2), is written as its number.
 */
export const writeManifest = (objects: readonly JsonObject[]): string =>
  objects.map((object) => `${JSON.stringify(object).replace(unsaid, numberOf)}\n`).join('---\n');

const unsaid = /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g;
const numberOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Of all that YAML 1.1 has, what JSON has too. */
const plainTags = ['null', 'bool', 'int', 'float', 'merge', 'str', 'map', 'seq'].map(
  (tag) => `tag:yaml.org,2002:${tag}`,
);
const onlyPlain = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || (plainTags.includes(tag.tag) && tag.format !== 'TIME'));

/** Of what may be anything where a text should be. */
export const textOf = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);

const firstLine = (text: string): string => text.split('\n', 1)[0]!;
