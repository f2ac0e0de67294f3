import { namespaceOf, type Principal } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';

/** Where whoever opens this page of an upstream is led instead (`Route.leads`); undefined for every other page. */
export function leadOf({ leads, namespaces }: Route, decodedPath: string, { username }: Principal): string | undefined {
  const to = leads?.[decodedPath];
  if (to === undefined || namespaces === undefined) return to;
  return to.replace('{}', namespaceOf({ namespacePrefix: namespaces.prefix }, { kind: 'user', name: username }));
}
