/** The bytes of a file, as little of them as is shown, all of one version. */
import { ApiError, ask, request } from '#lib/api/request.ts';
import type { FileEntry, FileRights, Folder } from '#lib/contract.ts';
import { addressOf, type Place } from '#lib/files/place.ts';

/** One version of a file. */
export type Version = { name: string; size: number; etag: string; modifiedAt: number };

const at = (place: Place): string => `/files/${addressOf(place)}`;

function versionIn({ headers }: Response): Version {
  // RFC 9110 section 14.4: bytes 0-9/SIZE
  const whole = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  return {
    name: decodeURIComponent(/filename\*=UTF-8''([^;]*)/.exec(headers.get('content-disposition') ?? '')?.[1] ?? ''),
    size: Number(whole ?? headers.get('content-length') ?? 0),
    etag: headers.get('etag') ?? '',
    modifiedAt: Date.parse(headers.get('last-modified') ?? ''),
  };
}

/** What is there now, of whatever kind, and what I may do with it. */
export async function lookAt(place: Place): Promise<{ entry: FileEntry; rights: FileRights }> {
  const { entry, rights } = await request<Folder>('GET', `${at(place)}?list=entry`);
  return { entry: entry!, rights: rights! };
}

/**
 * `length` bytes from `from` on, fewer at the end. With `etag` of that version only. `no-store`: what somebody
 * looks at is not written into the cache of the browser.
 * @throws ApiError 412 when it is another one by now
 */
export async function readPart(
  place: Place,
  { from, length, etag, signal }: { from: number; length: number; etag?: string; signal?: AbortSignal },
): Promise<{ version: Version; bytes: Uint8Array }> {
  const response = await ask('GET', at(place), {
    cache: 'no-store',
    headers: { range: `bytes=${from}-${from + length - 1}`, ...(etag !== undefined && { 'if-match': etag }) },
    ...(signal && { signal }),
  });
  return { version: versionIn(response), bytes: new Uint8Array(await response.arrayBuffer()) };
}

/**
 * Writes a file as a whole in the place of the version that is known, or as a new one.
 * @throws ApiError 412 when it is another version by now, 409 when there is one already
 */
export async function write(place: Place, bytes: Uint8Array, etag: string | undefined): Promise<FileEntry> {
  const response = await ask('PUT', at(place), {
    body: bytes as Uint8Array<ArrayBuffer>,
    headers: {
      'content-type': 'application/octet-stream',
      ...(etag === undefined ? { 'if-none-match': '*' } : { 'if-match': etag }),
    },
  });
  return (await response.json()) as FileEntry;
}

/** Whether a write was refused because the file is another one by now, or none any more. */
export const isChanged = (error: unknown): boolean =>
  error instanceof ApiError && ['KNOT_FILES_CHANGED', 'KNOT_FILES_TAKEN'].includes(error.problem.code);
