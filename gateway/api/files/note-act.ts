import type { FastifyRequest } from 'fastify';
import { textOfPath } from '../../files/index.ts';
import type { AuditEntry } from '../../lib/index.ts';
import type { Needs } from '../context.ts';
import { noteDone } from '../note-done.ts';
import type { Place } from './places.ts';

/** Longer paths are cut in the ledger; the file is found by its beginning. */
const mostOfPath = 500;

export const pathForLedger = (place: Pick<Place, 'path'>): string => textOfPath(place.path).slice(0, mostOfPath);

/** Writes an act on files into the ledger, before the client is told that it happened. */
export async function noteAct(
  context: Needs<'audit' | 'actorOf'>,
  request: FastifyRequest,
  action: string,
  place: Pick<Place, 'area' | 'path'>,
  detail: NonNullable<AuditEntry['detail']> = {},
): Promise<void> {
  const subject = `files:${place.area.key}`;
  await noteDone(context, request, { action, subject, detail: { path: pathForLedger(place), ...detail } });
}
