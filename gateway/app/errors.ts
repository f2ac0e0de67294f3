import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  errorHeaders,
  isForPerson,
  knotError,
  type Log,
  pageHeaders,
  type PublicError,
  publicError,
  renderPublicError,
} from '../lib/index.ts';

/**
 * What the main host answers when something goes wrong: a calm page for a person, one JSON shape for a program; nothing internal.
 * Plugins with pages of their own may override it inside.
 */
export function shapeErrors(main: FastifyInstance, log: Log): void {
  main.setErrorHandler((error: FastifyError, request, reply) => {
    const shown = publicError(error, request.id);
    if (shown.statusCode >= 500) log.error({ err: error, requestId: request.id }, 'a request failed');
    return sendError(request, reply.headers(errorHeaders(error)), shown);
  });
  main.setNotFoundHandler((request, reply) => {
    const missing = knotError('KNOT_APP_NOT_FOUND', 404, 'There is no such page.', {
      remedy: 'Check the address, or go to the start page.',
    });
    return sendError(request, reply, publicError(missing, request.id));
  });
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: PublicError): FastifyReply {
  reply.code(error.statusCode);
  if (!isForPerson(request.headers)) {
    return reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff').send(error);
  }
  const page = renderPublicError(error, [{ href: '/', label: 'Home' }]);
  return reply.headers(pageHeaders).send(page);
}
