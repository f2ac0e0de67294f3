import { filesApi } from '#lib/api/files.ts';
import type { FolderQuery } from '#lib/contract.ts';
import { addressOf, placeIn } from '#lib/files/place.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import type { PageLoad } from './$types';

const pageSize = 100;

/** The areas (for their rights and how full they are) and one page of the folder. */
export const load: PageLoad = async ({ url, depends }) => {
  const place = placeIn(url.pathname);
  depends(changeKey('files', addressOf(place)), changeKey('users'));
  const address = readAddress(url.searchParams, { sorts: ['name', 'size', 'modified'], filters: {} });
  const { q, sort, page } = address;
  const query = (q ? { q } : { sort, page, limit: pageSize }) as FolderQuery;
  const [list, folder] = await orErrorPage(() => Promise.all([filesApi.areas(), filesApi.folder(place, query)]));
  const area = list.areas.find(({ name }) => name === place.area);
  const { canRead = false, canWrite = false, canShare = false } = folder.rights ?? {};
  const rights = { canRead, canWrite, canShare };
  return { place, address, pageSize, folder, list, area, rights };
};
