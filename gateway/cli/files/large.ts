import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { textOfPath } from '../../files/index.ts';
import { KnotError, knotError } from '../../lib/index.ts';
import type { Api } from '../elsewhere/api.ts';
import { counted } from './counted.ts';
import { createUploadRecords } from './records.ts';
import { type Condition, type Place, secondsOf, type Source } from './side.ts';

/** From here on a file is sent so that it goes on where the line was cut; a smaller one is sent again. */
export const largeBytes = 8 * 1024 * 1024;

const version = { 'tus-resumable': '1.0.0' };
/** How often in a row a line may be cut without a byte that arrived. */
const mostCuts = 8;
const longestPauseMs = 10_000;

/**
 * Large files by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload): creation, then PATCH from the offset that the Knot
 * names. What was begun is remembered, so that the same command goes on with it; whose it is the Knot checks.
 */
export function openLargeUploads(api: Api) {
  const { origin, who } = api.access;
  const records = createUploadRecords();

  async function begin({ area, path }: Place, source: Source, { ifMatch }: Condition): Promise<string> {
    const { size, sha256 } = source;
    const told = {
      area,
      path: textOfPath(path),
      sha256,
      mtime: secondsOf(source),
      ...(ifMatch !== undefined && { ifMatch }),
    };
    const metadata = Object.entries(told).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`);
    const headers = { ...version, 'upload-length': String(size), 'upload-metadata': metadata.join(',') };
    const answer = await api.call('/api/v1/uploads', { method: 'POST', headers });
    answer.resume();
    const id = /\/api\/v1\/uploads\/([0-9a-f]{32})$/.exec(answer.headers.location ?? '')?.[1];
    if (id !== undefined) return id;
    throw knotError('KNOT_CLI_REFUSED', 502, `${origin} did not say where the upload goes on.`);
  }

  /** How much arrived; undefined for an upload that is no more. */
  async function offsetOf(id: string): Promise<number | undefined> {
    const answer = await api.call(`/api/v1/uploads/${id}`, { method: 'HEAD', headers: version }, [403, 404, 410]);
    answer.resume();
    return answer.statusCode === 200 || answer.statusCode === 204 ? Number(answer.headers['upload-offset']) : undefined;
  }

  async function send(id: string, source: Source, offset: number, onBytes: (count: number) => void): Promise<number> {
    const file = source.open(offset);
    const body = counted(file, onBytes);
    const headers = {
      ...version,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': String(offset),
      'content-length': String(source.size - offset),
    };
    const path = `/api/v1/uploads/${id}`;
    try {
      const answer = await api.call(path, { method: 'PATCH', headers, body });
      answer.resume();
      return Number(answer.headers['upload-offset']);
    } finally {
      file.destroy();
    }
  }

  return {
    /** @throws KNOT_CLI_FILES_CUT when the line does not last; the same command goes on later */
    async uploadLarge(place: Place, source: Source, condition: Condition, onBytes: (count: number) => void) {
      const { area, path } = place;
      const key = createHash('sha256')
        .update(JSON.stringify([origin, who, area, textOfPath(path), source.size, source.sha256, condition.ifMatch]))
        .digest('hex');
      let id = records.find(key);
      let offset = 0;
      let told = 0;
      for (let cuts = 0; ;) {
        try {
          const known = id === undefined ? undefined : await offsetOf(id);
          if (known === undefined) {
            id = await begin(place, source, condition);
            records.keep(key, id);
          }
          cuts = (known ?? 0) > offset ? 0 : cuts;
          offset = known ?? 0;
          onBytes(offset - told);
          told = offset;
          if (offset < source.size) {
            offset = await send(id!, source, offset, (count) => {
              told += count;
              onBytes(count);
            });
          }
          if (offset >= source.size) return records.forget(key);
        } catch (error) {
          const { statusCode: status = 0 } = error instanceof KnotError ? error : {};
          const goesOn = !(error instanceof KnotError) || error.code === 'KNOT_CLI_UNREACHABLE';
          // 423 and 409: the line that was cut still holds the upload, or another offset is the true one.
          if (!goesOn && ![409, 423, 502, 503, 504].includes(status)) {
            records.forget(key);
            throw error;
          }
          // Before it began, a refusal is about the place.
          if (id === undefined && status === 409) throw error;
          cuts += 1;
          if (cuts >= mostCuts) throw cut(error);
          await delay(Math.min(250 * 2 ** cuts, longestPauseMs));
        }
      }
    },
  };
}

const cut = (cause: unknown) =>
  knotError('KNOT_CLI_FILES_CUT', 502, `The line was cut again and again: ${(cause as Error).message}`, {
    cause,
    remedy: 'Run the same command again: it goes on where it was, for a day.',
  });
