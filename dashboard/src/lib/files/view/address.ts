/** Addresses of files that are looked at: `view` in the query of their folder's page. */
import type { Place } from '#lib/files/place.ts';
import { urls } from '#lib/urls.ts';

/** The page of a folder as it stands, with another of its files open, or none. */
export function withView(url: Pick<URL, 'pathname' | 'search'>, view: string | undefined): string {
  const query = new URLSearchParams(url.search);
  if (view === undefined) query.delete('view');
  else query.set('view', view);
  const text = query.toString();
  return text === '' ? url.pathname : `${url.pathname}?${text}`;
}

export const viewOf = (folder: Place, address: string): string => urls.folder(folder, { view: address });
