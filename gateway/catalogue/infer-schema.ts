import { isMap, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml';
import { isJsonObject, type JsonObject, type JsonSchema, type YamlFile } from '../lib/index.ts';
import type { TemplateProblem } from './template.ts';

/** What the earlier Knot understood below `knot.metadata.PATH` of `values.yaml`. */
type Metadata = { hidden?: true; title?: string; help?: string; choices?: (string | number | boolean)[] };

/**
 * A schema of `values.yaml` when the template has none: types are those of the defaults, the comment at a value is its help, and
 * `knot.metadata.PATH` gives titles, choices and what is hidden. `knot` itself is filled in by Knot and never asked for.
 */
export function inferSchema(yaml: YamlFile, problems: TemplateProblem[]): JsonSchema {
  const { contents } = yaml.document;
  if (!isMap(contents)) return { type: 'object', properties: {} };
  const metadata = metadataOf(yaml, problems);
  return sectionOf(contents, [], metadata);
}

function sectionOf(map: YAMLMap, path: string[], metadata: ReadonlyMap<string, Metadata>): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [order, pair] of map.items.entries()) {
    const key = keyOf(pair);
    if (key === undefined || (path.length === 0 && key === 'knot')) continue;
    const at = [...path, key];
    const facts = metadata.get(at.join('.')) ?? {};
    const own = { title: facts.title ?? titleOf(key), ...helpOf(pair, facts), ...hintsOf(order, facts) };
    properties[key] = isMap(pair.value)
      ? { ...own, ...sectionOf(pair.value, at, metadata) }
      : { ...own, ...typeOf(pair.value), ...(facts.choices && { enum: facts.choices }) };
  }
  return { type: 'object', properties };
}

const hintsOf = (order: number, { hidden }: Metadata): JsonSchema => ({
  'x-knot': { order, ...(hidden && { hidden }) },
});

function typeOf(node: unknown): JsonSchema {
  if (isSeq(node)) return { type: 'array', default: node.toJSON() };
  const value = isScalar(node) ? node.value : null;
  switch (typeof value) {
    case 'boolean':
      return { type: 'boolean', default: value };
    case 'number':
      return { type: Number.isInteger(value) ? 'integer' : 'number', default: value };
    case 'string':
      return { type: 'string', default: value };
    default:
      // `key:` alone says nothing of what belongs there: a text, a number, a whole section.
      return { default: null };
  }
}

/** The comment behind a value, or the one right above its key. */
function helpOf(pair: Pair, { help }: Metadata): JsonSchema {
  const { key, value } = pair as { key: { commentBefore?: string | null }; value: unknown };
  // Behind a section stands what was taken out of it, or what belongs to the next.
  const behind = isScalar(value) ? value.comment : undefined;
  const said = help ?? behind ?? key.commentBefore?.split('\n\n').at(-1);
  const text = said?.replaceAll(/^ ?(?:-- )?/gm, '').trim();
  return text ? { description: text.slice(0, 500) } : {};
}

function keyOf({ key }: Pair): string | undefined {
  const name: unknown = isScalar(key) ? key.value : undefined;
  return typeof name === 'string' && name !== '__proto__' ? name : undefined;
}

/** `pullPolicy` → `Pull policy`. */
function titleOf(key: string): string {
  const words = key
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[-_.]+/g, ' ')
    .toLowerCase()
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function metadataOf({ value, lineOf }: YamlFile, problems: TemplateProblem[]): Map<string, Metadata> {
  const found = new Map<string, Metadata>();
  const knot = (value as JsonObject)['knot'];
  const all = isJsonObject(knot) ? knot['metadata'] : undefined;
  if (!isJsonObject(all)) return found;
  for (const [path, facts] of Object.entries(all)) {
    const refuse = (message: string): void => {
      const line = lineOf(['knot', 'metadata', path]);
      problems.push({ file: 'values.yaml', severity: 'warning', message, ...(line !== undefined && { line }) });
    };
    if (!isJsonObject(facts)) {
      refuse(`knot.metadata.${path} must be a section with hidden, title, help or choices`);
      continue;
    }
    const { hidden, title, help, choices, ...rest } = facts;
    for (const name of Object.keys(rest)) refuse(`knot.metadata.${path}.${name} is not known`);
    found.set(path, {
      // That it stands there at all hides the value, as it ever did.
      ...(hidden !== undefined && { hidden: true }),
      ...(typeof title === 'string' && { title }),
      ...(typeof help === 'string' && { help }),
      ...(Array.isArray(choices) && {
        choices: choices.filter((choice) => choice !== null && typeof choice !== 'object'),
      }),
    });
  }
  return found;
}
