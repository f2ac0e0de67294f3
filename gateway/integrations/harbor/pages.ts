import type { AskHarbor } from './ask.ts';

const pageSize = 100;
/** Ten thousand of anything is more than a look at one owner needs. */
const mostPages = 100;

/**
 * All of a list, page by page. What the answers say of totals and next pages is not believed: it ends with the first page that is not
 * full or brings nothing new, and each is there once, although others change the list meanwhile.
 */
export async function everyPage<T>(
  ask: AskHarbor,
  path: string,
  keyOf: (one: T) => string | number,
  { most = mostPages * pageSize }: { most?: number } = {},
): Promise<{ found: T[]; isWhole: boolean }> {
  const found = new Map<string | number, T>();
  const joint = path.includes('?') ? '&' : '?';
  for (let page = 1; page <= mostPages; page += 1) {
    const { body } = await ask<unknown>('GET', `${path}${joint}page=${page}&page_size=${pageSize}`);
    // Of an empty list some versions say null.
    const shown = Array.isArray(body) ? (body as T[]) : [];
    const before = found.size;
    for (const one of shown) found.set(keyOf(one), one);
    if (found.size > most) return { found: [...found.values()].slice(0, most), isWhole: false };
    if (shown.length < pageSize || found.size === before) return { found: [...found.values()], isWhole: true };
    if (found.size === most) return { found: [...found.values()], isWhole: false };
  }
  return { found: [...found.values()], isWhole: false };
}
