import type { KubeObject } from '../../../gateway/kube/index.ts';

/** What a selector of labels and one of fields leave of objects (Kubernetes API: `labelSelector`, `fieldSelector` of names). */
export function selectorOf(labels: string | null, fields: string | null): (object: KubeObject) => boolean {
  const wanted = [...split(labels).map((part) => labelIs(part)), ...split(fields).map((part) => fieldIs(part))];
  return (object) => wanted.every((holds) => holds(object));
}

/** Parts between commas that are in no parentheses. */
const split = (text: string | null): string[] => (text === null || text === '' ? [] : text.split(/,(?![^(]*\))/));

function labelIs(part: string): (object: KubeObject) => boolean {
  const [, key, word, list] = /^(\S+) (in|notin) \((.*)\)$/.exec(part) ?? [];
  const value = (object: KubeObject, name: string) => object.metadata.labels?.[name];
  if (key !== undefined) {
    const values = list!.split(',').map((one) => one.trim());
    return (object) => values.includes(value(object, key) ?? '\0') === (word === 'in');
  }
  const [, name, sign, wanted] = /^(!?[^=!]+)(!=|==?)(.*)$/.exec(part) ?? [];
  if (name !== undefined) return (object) => (value(object, name) === wanted) === (sign !== '!=');
  if (part.startsWith('!')) return (object) => value(object, part.slice(1)) === undefined;
  return (object) => value(object, part) !== undefined;
}

function fieldIs(part: string): (object: KubeObject) => boolean {
  const [path = '', wanted] = part.split(/==?/);
  return (object) =>
    path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object) === wanted;
}
