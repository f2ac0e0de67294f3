import { type TProperties, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

/**
 * The query of every list: one page of what is searched (`q`), filtered and sorted, all of it by the gateway. `sort` is a column, with
 * `-` in front for the other direction. A key that the list does not know is refused, so that a typing mistake never shows everything.
 */
export const listQuery = <const S extends readonly string[], F extends TProperties>(
  sorts: S,
  searched: string,
  filters: F,
) =>
  closed({
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: 'Which page; 1 by default.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'How many on a page; 50 by default.' })),
    sort: Type.Optional(oneOf(...(sorts.flatMap((sort) => [sort, `-${sort}`]) as (S[number] | `-${S[number]}`)[]))),
    q: Type.Optional(Type.String({ maxLength: 200, description: searched })),
    ...filters,
  });

export const TotalSchema = Type.Integer({ description: 'How many there are for this query, on all pages.' });
