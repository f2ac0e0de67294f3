import { filesApi } from '#lib/api/files.ts';
import type { FileRights, FolderQuery } from '#lib/contract.ts';
import { addressOf, placeIn } from '#lib/files/place.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import type { PageLoad } from './$types';
import { viewIn } from './tabs.ts';

const pageSize = 100;
const nothing: FileRights = { canRead: false, canWrite: false, canAdd: false, canShare: false, canManage: false };

/**
 * The areas (for titles and how full they are) and one page of the folder; or of the area's trash; or the folder with a count that
 * comes later.
 */
export const load: PageLoad = async ({ url, depends }) => {
  const place = placeIn(url.pathname);
  const list = viewIn(url.searchParams.get('list'));
  // The trash is of the whole area.
  const asked = list === 'trash' ? { area: place.area, address: '' } : place;
  depends(changeKey('files', addressOf(place)), changeKey('users'));
  const address = readAddress(url.searchParams, { sorts: ['name', 'size', 'modified'], filters: {} });
  const { q, sort, page } = address;
  const query = (
    list === 'trash'
      ? { list, page, limit: pageSize }
      : list === 'usage'
        ? { limit: 1 }
        : q
          ? { q }
          : { sort, page, limit: pageSize }
  ) as FolderQuery;
  const [{ areas, trashDays }, answer] = await orErrorPage(() =>
    Promise.all([filesApi.areas(), filesApi.folder(asked, query)]),
  );
  const usage = list === 'usage' ? filesApi.folder(place, { list }) : undefined;
  // Shown where it is awaited; nobody waits when the person goes on before.
  usage?.catch(() => undefined);
  const area = areas.find(({ name }) => name === place.area);
  return {
    place: asked,
    list,
    address,
    pageSize,
    answer,
    areas,
    area,
    trashDays,
    rights: answer.rights ?? nothing,
    usage,
  };
};
