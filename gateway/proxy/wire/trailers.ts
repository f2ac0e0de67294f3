import { headerKind, headerKindOf } from '../../lib/index.ts';
import { type Fields, fieldsWhere } from './http-fields.ts';

/** Fields that mean something only before a body, and so are never taken from behind one (RFC 9110 section 6.5.1). */
export const neverTrailing =
  /^(?:content-|if-|range$|cache-control$|max-forwards$|pragma$|date$|age$|expires$|vary$|www-authenticate$|authorization$)/i;

/**
 * The trailer fields of a body that was read to its end, as alternating names and values. Only those that the edge would pass on
 * unread as headers: none that frames, routes or names anyone (catalogue H16).
 */
export function requestTrailers({ rawTrailers }: { readonly rawTrailers: Fields }): string[] {
  return fieldsWhere(rawTrailers, (name) => headerKindOf(name) === headerKind.pass && !neverTrailing.test(name));
}
