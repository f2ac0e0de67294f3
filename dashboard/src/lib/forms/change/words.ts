/** What is another value than before, in words. */

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
