/** What is another value than before, place by place. */
import { isSame } from '../facts.ts';
import { isJsonObject, type JsonValue, pointerOf } from '../pointer.ts';

export type Difference = {
  /** JSON pointer. */
  path: string;
  before?: unknown;
  after?: unknown;
  isSecret?: boolean;
};

/** Sections are compared by their keys, everything else as a whole; what is secret is said to differ, and not told. */
export function differences(before: unknown, after: unknown, secrets: readonly string[] = []): Difference[] {
  const found: Difference[] = [];
  compare(before, after, []);
  return found;

  function compare(left: unknown, right: unknown, path: string[]): void {
    if (isSame(left, right)) return;
    const pointer = pointerOf(path);
    if (secrets.includes(pointer)) {
      found.push({ path: pointer, isSecret: true });
      return;
    }
    const sections = [left, right].map((each) => (isJsonObject(each) ? each : {}));
    const holdsSecret = secrets.some((secret) => secret.startsWith(`${pointer}/`));
    if ((isJsonObject(left) && isJsonObject(right)) || holdsSecret) {
      const [a, b] = sections as [Record<string, JsonValue>, Record<string, JsonValue>];
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
        compare(memberOf(a, name), memberOf(b, name), [...path, name]);
      return;
    }
    found.push({
      path: pointer,
      ...(left !== undefined && { before: left }),
      ...(right !== undefined && { after: right }),
    });
  }
}

const memberOf = (section: Record<string, JsonValue>, name: string): JsonValue | undefined =>
  Object.hasOwn(section, name) ? section[name] : undefined;

const mostWords = 200;

/** A value in one line. */
export function valueWords(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? (value === '' ? '(empty)' : value) : JSON.stringify(value);
  return text.length <= mostWords ? text : `${text.slice(0, mostWords - 1)}…`;
}

/** `/image/tag` as `image.tag`. */
export const placeWords = (path: string): string =>
  path === '' ? 'All values' : path.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
