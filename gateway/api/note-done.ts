import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from '../lib/index.ts';
import type { Needs } from './context.ts';

/** Writes into the ledger what whoever asks has done. */
export async function noteDone(
  { audit, actorOf }: Needs<'audit' | 'actorOf'>,
  request: FastifyRequest,
  done: Pick<AuditEntry, 'action' | 'subject' | 'detail'>,
): Promise<void> {
  const { name: actor, address } = actorOf(request);
  await audit.append({ ...done, actor, outcome: 'done', ...(address !== undefined && { address }) });
}
