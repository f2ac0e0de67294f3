/** What of a form is seen at once, and what is folded away. */
import { isJsonObject } from './pointer.ts';
import { hintsOf, type JsonSchema } from './resolve.ts';

export type Section = { title: string; names: string[] };
export type Sections = {
  /** Seen at once; the first has no title. */
  shown: Section[];
  /** Behind "More". */
  folded: Section[];
};

/** Of a form that nobody wrote: with more than these at once nobody finds anything. */
const mostInferred = 6;
const rest = 'Other';

/**
 * A written form shows what is not `advanced`, by group. Of one that follows from values.yaml only a few plain values are shown, where
 * there are few; its sections are folded.
 */
export function sectionsOf(schema: JsonSchema, isInferred: boolean): Sections {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const names = Object.keys(properties);
  const child = (name: string): JsonSchema => (isJsonObject(properties[name]) ? properties[name] : {});
  const isSection = (name: string): boolean =>
    isJsonObject(child(name)['properties']) || child(name)['type'] === 'array';
  const plain = names.filter((name) => !isSection(name));
  const isFolded = (name: string): boolean => {
    const { advanced, group } = hintsOf(child(name));
    if (!isInferred) return advanced === true;
    return advanced !== false && group === undefined && (isSection(name) || plain.length > mostInferred);
  };
  return {
    shown: byGroup(
      names.filter((name) => !isFolded(name)),
      child,
      '',
    ),
    folded: byGroup(names.filter(isFolded), child, names.every(isFolded) && !isInferred ? '' : rest),
  };
}

function byGroup(names: readonly string[], child: (name: string) => JsonSchema, without: string): Section[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const { group } = hintsOf(child(name));
    const title = typeof group === 'string' ? group.slice(0, 60) : without;
    groups.set(title, [...(groups.get(title) ?? []), name]);
  }
  // What belongs to no group comes first.
  return [...groups]
    .map(([title, names]) => ({ title, names }))
    .sort((a, b) => Number(b.title === without) - Number(a.title === without));
}
