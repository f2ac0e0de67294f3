import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Entry } from '../../files/index.ts';
import { sendFile } from './content.ts';
import { addDigest, wantsDigest } from './digest.ts';

/**
 * Answers an open file as `sendFile` does, with its SHA-256 where that is wanted. `follow` makes the answer one that can be found and cut:
 * before the digest, because all of a large file is read for it, which takes long, and whoever loses the right meanwhile gets nothing.
 */
export async function sendOne(
  request: FastifyRequest,
  reply: FastifyReply,
  file: { entry: Entry; descriptor: number; isKept: boolean },
  follow: () => void,
): Promise<FastifyReply> {
  if (!wantsDigest(request)) return sendFile(request, reply, file, follow);
  follow();
  await addDigest(reply, file.descriptor);
  return sendFile(request, reply, file, () => undefined);
}
