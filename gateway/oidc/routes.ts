import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isSameOrigin, knotError, pageHeaders } from '../lib/index.ts';
import type { Answer } from './interactions.ts';
import { mountPath } from './mount.ts';
import type { Oidc } from './service.ts';

type InteractionRequest = FastifyRequest<{ Params: { uid: string }; Body: { decision?: unknown } | undefined }>;

/**
 * Everything below `/oidc` on the main host, and the metadata address that RFC 8414 section 3.1 puts at the root.
 * @throws KNOT_OIDC_CROSS_SITE for a consent that does not come from our own page
 */
export async function oidcRoutes(app: FastifyInstance, options: { oidc: Oidc; origin: string }): Promise<void> {
  const { oidc, origin } = options;

  await app.register(async (pages) => {
    await pages.register(formbody, { bodyLimit: 4096 });
    pages.get(`${mountPath}/interaction/:uid`, async (request: InteractionRequest, reply) => {
      return await send(reply, await oidc.interactions.show(request.params.uid, request.raw, reply.raw));
    });
    pages.post(`${mountPath}/interaction/:uid`, async (request: InteractionRequest, reply) => {
      const { origin: from, 'sec-fetch-site': secFetchSite } = request.headers;
      if (!isSameOrigin({ origin: from, secFetchSite }, origin)) {
        throw knotError('KNOT_OIDC_CROSS_SITE', 403, 'This form was not sent from a page of Knot.', {
          remedy: 'Go back to the application and start again.',
        });
      }
      const isAllowed = request.body?.decision === 'allow';
      return await send(reply, await oidc.interactions.decide(request.params.uid, isAllowed, request.raw, reply.raw));
    });
  });

  await app.register(async (provider) => {
    // The provider reads bodies itself, as streams.
    provider.removeAllContentTypeParsers();
    provider.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const forward =
      (pathOf: (request: FastifyRequest) => string) => async (request: FastifyRequest, reply: FastifyReply) => {
        await oidc.prepare(request.raw, reply.raw, pathOf(request));
        reply.hijack();
        reply.raw.setHeader('x-content-type-options', 'nosniff');
        reply.raw.setHeader('referrer-policy', 'no-referrer');
        // The form_post answer brings its own hashed script and adds the hash here; nothing else may run.
        reply.raw.setHeader('content-security-policy', "default-src 'none'; script-src 'none'; frame-ancestors 'none'");
        await oidc.handle(request.raw, reply.raw);
      };
    provider.route({
      method: ['GET', 'POST', 'OPTIONS'],
      url: `${mountPath}/*`,
      handler: forward((request) => request.raw.url!.slice(mountPath.length)),
    });
    provider.get(
      `/.well-known/oauth-authorization-server${mountPath}`,
      forward(() => '/.well-known/oauth-authorization-server'),
    );
  });
}

async function send(reply: FastifyReply, answer: Answer): Promise<FastifyReply> {
  if ('location' in answer) return reply.header('cache-control', 'no-store').redirect(answer.location, 303);
  return await reply.code(answer.status).headers(pageHeaders).send(answer.page);
}
