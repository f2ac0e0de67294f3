import type { FastifyReply } from 'fastify';
import { pageHeaders } from '../lib/index.ts';

/** Goes to another page by GET. */
export function sendOn(reply: FastifyReply, location: string): FastifyReply {
  return reply.code(303).header('location', location).header('cache-control', 'no-store').send();
}

export function sendPage(reply: FastifyReply, page: string, status = 200): FastifyReply {
  return reply.code(status).headers(pageHeaders).send(page);
}
