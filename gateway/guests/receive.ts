import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyRequest } from 'fastify';
import { nameOf, textOfPath } from '../files/index.ts';
import { KnotError, knotError, publicError } from '../lib/index.ts';
import type { GuestOptions } from './context.ts';
import type { Visit, Visits } from './visit.ts';

/** What became of the files of one form. Names are those the sender gave, never those that were free. */
export type Received = { received: number; refused: { name: string; message: string; status: number }[] };

/** More files are sent in several goes; the script of the page sends each alone. */
const mostFiles = 500;
const longestName = 100;

/**
 * Takes the files of a form while they come, each as a whole or not at all: nothing is held in memory, and what is there already stays. A
 * sender learns of each whether it arrived, and nothing about the folder.
 */
export async function receiveFiles(
  request: FastifyRequest,
  visit: Visit,
  { visits, audit, addressOf, log }: Pick<GuestOptions, 'audit' | 'addressOf' | 'log'> & { visits: Visits },
): Promise<Received> {
  // Most runs of the gateway never need it.
  const { Busboy } = await import('@fastify/busboy');
  const result: Received = { received: 0, refused: [] };
  const gone = new AbortController();
  const open: Promise<void>[] = [];
  let failure: unknown;

  async function take(file: Readable, given: string): Promise<void> {
    const name = given.slice(0, longestName);
    // What is refused is read to its end, so that the next file of the form has its turn.
    const body = new PassThrough();
    const fail = (error: unknown) => void body.destroy(error instanceof Error ? error : new Error('the line was cut'));
    const stop = () => fail(gone.signal.reason);
    gone.signal.addEventListener('abort', stop);
    file.on('error', fail).pipe(body);
    body.on('error', () => file.resume());
    try {
      const path = [...visits.pathOf(visit), nameOf(lastPart(given))];
      const { entry } = await visits.files().put(visit.disk, path, body, { keepsBoth: true, signal: gone.signal });
      result.received += 1;
      await audit.append({
        action: 'files.written',
        actor: 'guest',
        subject: `files:${visit.area.key}`,
        outcome: 'done',
        address: addressOf(request),
        detail: {
          path: textOfPath([...path.slice(0, -1), nameOf(entry.name)]).slice(0, 500),
          bytes: entry.size,
          isNew: true,
          share: visit.share.id,
        },
      });
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof KnotError) && (error as { code?: string }).code !== undefined)
        log.error({ err: error, requestId: request.id }, 'a file of a guest could not be taken');
      const { message, statusCode: status } = publicError(forGuests(error), request.id);
      result.refused.push({ name, message, status });
    } finally {
      gone.signal.removeEventListener('abort', stop);
      file.unpipe(body);
      file.resume();
      body.destroy();
    }
  }

  try {
    const headers = { ...request.headers, 'content-type': request.headers['content-type'] ?? '' };
    const parser = new Busboy({
      headers,
      preservePath: true,
      limits: { files: mostFiles, fields: 10, fieldSize: 1024, headerPairs: 50 },
    });
    parser.on('file', (_field, file, filename: string | undefined) => {
      // A form whose field was left empty sends a file without a name (HTML, "constructing the entry list").
      if (filename === undefined || filename === '') return void file.on('error', () => undefined).resume();
      open.push(take(file, filename));
    });
    parser.once('filesLimit', () => {
      const message = `${mostFiles} files are taken at once.`;
      result.refused.push({ name: 'The others', message, status: 413 });
    });
    // Rejects as well when the line is cut, by the sender or because the link ended.
    await pipeline(request.raw, parser);
  } catch (error) {
    failure = error;
    gone.abort(error instanceof Error ? error : new Error('the form cannot be read'));
  } finally {
    await Promise.all(open);
  }
  if (failure !== undefined) {
    throw knotError('KNOT_GUESTS_FORM', 400, 'The form did not arrive whole.', {
      remedy: 'Send the files once more.',
      cause: failure,
    });
  }
  return result;
}

/** Some browsers, and programs, send a path; only its last part is a name. */
const lastPart = (name: string): string => name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);

/** How full the area of somebody is, and what is in it, is nothing to a guest. */
export function forGuests(error: unknown): unknown {
  if (!(error instanceof KnotError)) return error;
  switch (error.code) {
    case 'KNOT_FILES_QUOTA':
    case 'KNOT_FILES_DISK_FULL':
      return knotError('KNOT_GUESTS_NO_ROOM', 507, 'There is no room for this file.', {
        remedy: 'Tell whoever sent you the link.',
        cause: error,
      });
    case 'KNOT_FILES_NOT_FOUND':
    case 'KNOT_FILES_NOT_A_FOLDER':
    case 'KNOT_FILES_NOT_A_FILE':
      return knotError('KNOT_GUESTS_NOT_FOUND', 404, 'It is not here any more: it was moved or deleted.', {
        remedy: 'Ask whoever sent you the link.',
        cause: error,
      });
    default:
      return error;
  }
}
