import type { FastifyInstance } from 'fastify';
import { errorHeaders, KnotError, knotError, publicError } from '../../lib/index.ts';
import type { ApiOptions } from '../options.ts';
import { documentOf, escapeXml, xmlType } from './xml.ts';

/** Preconditions that clients know by their elements (RFC 4918 section 16). */
const elements: Record<string, string> = {
  KNOT_API_DAV_DEPTH: '<D:propfind-finite-depth/>',
  KNOT_API_DAV_LOCK_TOKEN: '<D:lock-token-matches-request-uri/>',
};

/** Refusals as clients show them to people: the sentence as text, or the element that RFC 4918 has for it. */
export function answerDavErrors(app: FastifyInstance, { log }: Pick<ApiOptions, 'log'>): void {
  app.setErrorHandler((error, request, reply) => {
    const shown = publicError(error, request.id);
    if (shown.statusCode >= 500 && shown.statusCode !== 507) {
      log.error({ err: error, requestId: request.id }, 'a request by WebDAV failed');
    }
    reply.code(shown.statusCode).headers(errorHeaders(error));
    const element = error instanceof KnotError ? elementOf(error) : undefined;
    if (element !== undefined) return reply.type(xmlType).send(documentOf('error', element));
    const remedy = shown.remedy === undefined ? '' : ` ${shown.remedy}`;
    return reply.type('text/plain; charset=utf-8').send(`${shown.message}${remedy} (${shown.code})\n`);
  });
}

function elementOf({ code, details }: KnotError): string | undefined {
  const address = details?.['address'];
  if (code !== 'KNOT_FILES_LOCKED' || typeof address !== 'string') return elements[code];
  return `<D:lock-token-submitted><D:href>${escapeXml(address)}</D:href></D:lock-token-submitted>`;
}

export const finiteDepth = () =>
  knotError('KNOT_API_DAV_DEPTH', 403, 'Everything below at once is not listed.', { remedy: 'Ask with Depth: 1.' });

export const badDepth = () =>
  knotError('KNOT_API_DAV_DEPTH_VALUE', 400, 'The Depth is not one that this method has.', {
    remedy: 'It is 0, 1 or infinity, as RFC 4918 has it for each method.',
  });

/** What cannot be done to this address at all, whoever asks. */
export const notHere = (what: string, status: 403 | 405 | 415 = 405) =>
  knotError('KNOT_API_DAV_METHOD', status, `${what}.`, {
    remedy: 'Areas and the folders above them can only be listed; files and folders are in the areas.',
  });

/** Where something is to go, the folder is missing (RFC 4918 sections 9.3.1, 9.7.1 and 9.8.5). */
export const noParent = () =>
  knotError('KNOT_API_DAV_PARENT', 409, 'The folder that it is to go into is not there.', { remedy: 'Make it first.' });
