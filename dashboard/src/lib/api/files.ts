/** Questions about areas of files, folders and what lies in them. */
import { apiRoot, request, textual } from '#lib/api/request.ts';
import type { FileActResult, FileAreaList, Folder, FolderQuery } from '#lib/contract.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { withQuery } from '#lib/urls.ts';

const at = (place: Place): string => `/files/${addressOf(place)}`;

export const filesApi = {
  areas: () => request<FileAreaList>('GET', '/areas'),
  folder: (place: Place, query: FolderQuery = {}) => request<Folder>('GET', withQuery(at(place), textual(query))),
  makeFolder: (place: Place) => request<FileActResult>('POST', `${at(place)}?op=mkdir`, {}),
  move: (from: Place, to: Place) => request<FileActResult>('POST', `${at(from)}?op=move`, { to: addressOf(to) }),
  copy: (from: Place, to: Place) => request<FileActResult>('POST', `${at(from)}?op=copy`, { to: addressOf(to) }),
  trash: (place: Place) => request<FileActResult>('DELETE', at(place)),
  restore: (area: string, id: string, to?: Place) =>
    request<FileActResult>('POST', `${at({ area, address: '' })}?op=restore`, {
      id,
      ...(to && { to: addressOf(to) }),
    }),
  emptyTrash: (area: string, ids?: string[]) =>
    request<FileActResult>('POST', `${at({ area, address: '' })}?op=empty`, ids ? { ids } : {}),
};

/** Where the bytes of a file are: `download` for one to keep instead of to show. */
export const bytesAt = (place: Place, { isKept = false } = {}): string =>
  `${apiRoot}${at(place)}${isKept ? '?download=1' : ''}`;
