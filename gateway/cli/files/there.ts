import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { addressOfPath, type Entry, nameOf } from '../../files/index.ts';
import { KnotError, knotError } from '../../lib/index.ts';
import type { Api } from '../elsewhere/api.ts';
import { nothingAt } from './address.ts';
import { largeBytes, openLargeUploads } from './large.ts';
import { type Child, type Condition, type Place, secondsOf, type Side } from './side.ts';

const pageOf = 1000;
/** How often in a row a line may be cut without a byte that came. */
const mostCuts = 6;
const firstPauseMs = 250;

/** The files of a Knot elsewhere, by its API. Names come as text and go through the one rule for names before anything is done with them. */
export function filesThere(api: Api): Side {
  const { uploadLarge } = openLargeUploads(api);
  const addressOf = ({ area, path }: Place): string =>
    `/api/v1/files/${encodeURIComponent(area)}${path.length === 0 ? '' : `/${addressOfPath(path)}`}`;
  const conditions = ({ isNew, ifMatch }: Condition): Record<string, string> => ({
    'content-type': 'application/octet-stream',
    ...(isNew === true && { 'if-none-match': '*' }),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
  });
  const done = async (answer: Promise<IncomingMessage>): Promise<void> => void (await answer).resume();
  const act = (place: Place, op: string, body: object = {}) =>
    api.json(`${addressOf(place)}?op=${op}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  async function look(place: Place, headers: Record<string, string> = {}) {
    const asking = { method: 'HEAD', headers };
    const answer = await api.call(`${addressOf(place)}?limit=1`, asking, [404, 409]).catch(async (error: unknown) => {
      // An answer to HEAD has no words; that to GET has.
      throw error instanceof KnotError && error.code === 'KNOT_CLI_REFUSED' ? await refusal(place, error) : error;
    });
    answer.resume();
    const status = answer.statusCode!;
    if (status === 404 && place.path.length === 0) throw await refusal(place);
    if (status === 404) return undefined;
    const etag = answer.headers.etag ?? '';
    const kind = status === 409 ? 'other' : answer.headers['accept-ranges'] === 'bytes' ? 'file' : 'folder';
    const size = kind === 'file' ? Number(answer.headers['content-length'] ?? 0) : 0;
    const modifiedAt = Date.parse(answer.headers['last-modified'] ?? '') || 0;
    return { kind, size, etag, modifiedAt, sha256: digestIn(answer) } as const;
  }

  async function refusal(place: Place, otherwise?: Error): Promise<Error> {
    try {
      (await api.call(`${addressOf(place)}?limit=1`)).destroy();
    } catch (error) {
      return error as Error;
    }
    return otherwise ?? nothingAt(place);
  }

  async function list(place: Place): Promise<Child[]> {
    const found: Child[] = [];
    for (let page = 1; ; page += 1) {
      const answer = await api.json(`${addressOf(place)}?page=${page}&limit=${pageOf}`);
      const entries = (answer['entries'] ?? []) as Entry[];
      for (const { name, kind, size, etag, modifiedAt } of entries) {
        found.push({ name: nameOf(name), kind, size, etag, modifiedAt });
      }
      if (entries.length < pageOf) return found;
    }
  }

  return {
    look: (place) => look(place),
    list,
    async sha256(place) {
      const found = await look(place, wantDigest);
      if (found?.sha256 !== undefined) return found.sha256;
      throw noDigest();
    },
    async read(place, write) {
      const hash = createHash('sha256');
      let offset = 0;
      /** This machine could not write it down. */
      let isOurs = false;
      let known: { etag: string; sha256: string } | undefined;
      for (let cuts = 0; ;) {
        const before = offset;
        try {
          const headers = known && { range: `bytes=${offset}-`, 'if-match': known.etag };
          const answer = await api.call(`${addressOf(place)}?download=1`, { headers: { ...wantDigest, ...headers } });
          const sha256 = digestIn(answer);
          const etag = answer.headers.etag;
          if (sha256 === undefined || etag === undefined) {
            answer.destroy();
            throw noDigest();
          }
          known ??= { etag, sha256 };
          for await (const chunk of answer as AsyncIterable<Buffer>) {
            hash.update(chunk);
            await write(chunk).catch((error: unknown) => {
              isOurs = true;
              throw error;
            });
            offset += chunk.length;
          }
          if (!answer.complete) throw new Error('the line was cut');
          if (hash.digest('hex') === known.sha256) return { size: offset, sha256: known.sha256 };
          throw knotError(
            'KNOT_CLI_FILES_DIGEST',
            502,
            'What arrived is not what was sent: its SHA-256 is another one.',
          );
        } catch (error) {
          if (isOurs || !isCut(error)) throw error;
          cuts = offset > before ? 1 : cuts + 1;
          if (cuts >= mostCuts) throw error;
          await delay(firstPauseMs * 2 ** (cuts - 1));
        }
      }
    },
    async write(place, source, condition, onBytes) {
      if (source.size >= largeBytes) return uploadLarge(place, source, condition, onBytes);
      const pieces: Buffer[] = [];
      for await (const piece of source.open(0) as AsyncIterable<Buffer>) pieces.push(piece);
      const digest = Buffer.from(source.sha256, 'hex').toString('base64');
      const time = { 'x-oc-mtime': secondsOf(source) };
      const headers = { ...conditions(condition), ...time, 'repr-digest': `sha-256=:${digest}:` };
      await done(api.call(addressOf(place), { method: 'PUT', headers, body: Buffer.concat(pieces) }));
      onBytes(source.size);
    },
    writeStream: (place, body, condition) =>
      done(api.call(addressOf(place), { method: 'PUT', headers: conditions(condition), body })),
    makeFolder: async (place) => void (await act(place, 'mkdir')),
    move: async (from, to) =>
      void (await act(from, 'move', { to: `${encodeURIComponent(to.area)}/${addressOfPath(to.path)}` })),
    trash: (place) => done(api.call(addressOf(place), { method: 'DELETE' })),
  };
}

const wantDigest = { 'want-repr-digest': 'sha-256=1' };

function digestIn({ headers }: IncomingMessage): string | undefined {
  const base64 = /sha-256=:([A-Za-z0-9+/]{43}=):/.exec(String(headers['repr-digest'] ?? ''))?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex');
}

const noDigest = () =>
  knotError('KNOT_CLI_FILES_DIGEST', 502, 'The Knot does not tell the SHA-256 of the file.', {
    remedy: 'It may be an older release: download it in the browser.',
  });

/** A line that was cut, or a Knot that restarts: it may go on. */
export const isCut = (error: unknown): boolean =>
  !(error instanceof KnotError) ||
  error.code === 'KNOT_CLI_UNREACHABLE' ||
  [502, 503, 504].includes(error.code === 'KNOT_CLI_FILES_DIGEST' ? 0 : error.statusCode);
