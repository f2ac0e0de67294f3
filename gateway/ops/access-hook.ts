import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type AccessEntry, maskSecrets } from '../lib/index.ts';
import { canonicalOf } from '../proxy/index.ts';

export type AccessHookOptions = { onAccess(entry: AccessEntry): void; domain: string };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by whoever found out who asks, for the access line. */
    username: string;
  }
}

/** One access line for each request of the main host, also for those whose answer a library writes itself. */
export const accessHook = fp(
  async (app: FastifyInstance, { onAccess, domain }: AccessHookOptions) => {
    app.decorateRequest('username', '');
    app.addHook('onRequest', async (request, reply) => {
      const startedAt = performance.now();
      reply.raw.once('close', () => onAccess(entryOf(request, reply, domain, performance.now() - startedAt)));
    });
  },
  { name: 'access-hook' },
);

/** Parameters of routes that name things; every other one may be a secret and is logged as the route has it: `/reset/:token`. */
const namingParameters = new Set(['id', 'userId', 'name']);
/** The provider names an authorization that is under way in its address; its routes are not ours. */
const interaction = /^(\/oidc\/auth\/)[^/]+/;

function loggedPath(request: FastifyRequest): string {
  const received = (request.originalUrl || request.url).split('?', 1)[0]!;
  const pattern = request.routeOptions.url;
  if (!pattern?.includes(':')) return maskSecrets(received.replace(interaction, '$1:uid'));
  const values = request.params as Record<string, string>;
  return maskSecrets(
    pattern.replace(/:(\w+)/g, (whole, name: string) =>
      namingParameters.has(name) ? encodeURIComponent(values[name] ?? '') : whole,
    ),
  );
}

function entryOf(request: FastifyRequest, reply: FastifyReply, domain: string, totalMs: number): AccessEntry {
  const { raw } = reply;
  const hasAnswer = raw.writableFinished || raw.headersSent;
  // The answer to an upgrade that was granted is not Fastify's.
  const isSocket = request.ws === true && !hasAnswer;
  return {
    requestId: request.id,
    method: request.method,
    host: domain,
    path: loggedPath(request),
    status: hasAnswer ? raw.statusCode : isSocket ? 101 : 499,
    user: request.username,
    route: 'main',
    verdict: '',
    reason: '',
    address: canonicalOf(request.raw)?.address ?? request.ip,
    protocol: isSocket ? 'ws' : request.raw.httpVersionMajor === 2 ? 'h2' : 'h1',
    bytesIn: Number(request.headers['content-length'] ?? 0) || 0,
    bytesOut: Number(reply.getHeader('content-length') ?? 0) || 0,
    totalMs,
  };
}
