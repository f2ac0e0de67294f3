import { closeSync } from 'node:fs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Entry, sha256OfOpen } from '../../files/index.ts';
import { knotError } from '../../lib/index.ts';
import { sendFile } from './content.ts';

/** `sha-256=:BASE64:` in a list of digests (RFC 9530 section 2, a dictionary of RFC 8941). */
const sha256In = /(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):[ \t]*(?:,|$)/;

/**
 * What the sender says the SHA-256 of a file is, lower-case hexadecimal; undefined when it says nothing. Of the representation and of
 * the content it is the same one here, because a file is written as a whole.
 * @throws KNOT_API_DIGEST for a digest that cannot be checked
 */
export function digestSaid({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const said = headers['repr-digest'] ?? headers['content-digest'];
  if (said === undefined) return undefined;
  const base64 = sha256In.exec(String(said))?.[1];
  if (base64 !== undefined) return Buffer.from(base64, 'base64').toString('hex');
  throw knotError('KNOT_API_DIGEST', 400, 'The digest of the file cannot be checked.', {
    remedy: 'Send Repr-Digest: sha-256=:…:, the SHA-256 in base64 (RFC 9530), or none.',
  });
}

/** Whether the client wants to know the SHA-256 (RFC 9530 section 4): `Want-Repr-Digest: sha-256=1`, any weight but 0. */
const wantsDigest = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  /(?:^|,)[ \t]*sha-256=(?:[1-9]|10)[ \t]*(?:,|$)/.test(String(headers['want-repr-digest'] ?? ''));

/**
 * Answers an open file as `sendFile` does, with its SHA-256 where that is wanted. `follow` makes the answer one that can be found and cut:
 * before the digest, because all of a large file is read for it, which takes long, and whoever loses the right meanwhile gets nothing.
 */
export async function sendWithDigest(
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

/** Says it of an open file, which is closed when that fails. Its bytes are read twice then, the second time mostly from memory. */
async function addDigest(reply: FastifyReply, descriptor: number): Promise<void> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  try {
    const hex = await sha256OfOpen(descriptor, gone.signal);
    reply.header('repr-digest', `sha-256=:${Buffer.from(hex, 'hex').toString('base64')}:`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
