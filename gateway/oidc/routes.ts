import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isSameOrigin, knotError, otherPort, pageHeaders } from '../lib/index.ts';
import { asItWas } from './away.ts';
import type { Answer } from './interactions.ts';
import { mountPath } from './mount.ts';
import { expiredPage, providerErrorPage } from './pages.ts';
import { postedPaths } from './posted.ts';
import type { Oidc } from './service.ts';

type InteractionRequest = FastifyRequest<{
  Params: { uid: string };
  Querystring: { selected?: unknown };
  Body: { decision?: unknown } | undefined;
}>;

const formType = 'application/x-www-form-urlencoded';

/**
 * Everything below `/oidc` on the main host, and the metadata address that RFC 8414 section 3.1 puts at the root.
 * @throws KNOT_OIDC_CROSS_SITE for a consent that does not come from our own page
 */
export async function oidcRoutes(app: FastifyInstance, options: { oidc: Oidc; origin: string }): Promise<void> {
  const { oidc, origin } = options;

  await app.register(async (pages) => {
    await pages.register(formbody, { bodyLimit: 4096 });
    pages.get(`${mountPath}/interaction/:uid`, async (request: InteractionRequest, reply) => {
      const isSelected = request.query.selected === '1';
      const shown = oidc.interactions.show(request.params.uid, request.raw, reply.raw, isSelected);
      return await send(reply, await asItWas(shown));
    });
    pages.post(`${mountPath}/interaction/:uid`, async (request: InteractionRequest, reply) => {
      const { origin: from, 'sec-fetch-site': secFetchSite } = request.headers;
      if (!isSameOrigin({ origin: from, secFetchSite }, origin)) {
        const { message, remedy } = otherPort(from, origin) ?? {
          message: 'This form was not sent from a page of Knot.',
          remedy: 'Go back to the application and start again.',
        };
        throw knotError('KNOT_OIDC_CROSS_SITE', 403, message, { remedy });
      }
      const isAllowed = request.body?.decision === 'allow';
      const decided = oidc.interactions.decide(request.params.uid, isAllowed, request.raw, reply.raw);
      return await send(reply, await asItWas(decided));
    });
  });

  await app.register(async (posted) => {
    posted.removeAllContentTypeParsers();
    posted.addContentTypeParser(formType, { parseAs: 'string', bodyLimit: 64 * 1024 }, (_request, body, done) =>
      done(null, body),
    );
    posted.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const path of postedPaths) {
      posted.post(`${mountPath}${path}`, async (request, reply) => {
        if (typeof request.body !== 'string') return await send(reply, notAForm());
        return await send(reply, { location: mountPath + (await oidc.posted.addressOf(path, request.body)) });
      });
    }
  });

  await app.register(async (provider) => {
    // The provider reads bodies itself, as streams.
    provider.removeAllContentTypeParsers();
    provider.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const forward =
      (pathOf: (request: FastifyRequest) => string) => async (request: FastifyRequest, reply: FastifyReply) => {
        const path = await oidc.posted.restore(pathOf(request));
        if (path === undefined) return await send(reply, { status: 400, page: expiredPage() });
        await oidc.prepare(request.raw, reply.raw, path);
        reply.hijack();
        reply.raw.setHeader('x-content-type-options', 'nosniff');
        reply.raw.setHeader('referrer-policy', 'no-referrer');
        // The form_post answer brings its own hashed script and adds the hash here; nothing else may run.
        reply.raw.setHeader('content-security-policy', "default-src 'none'; script-src 'none'; frame-ancestors 'none'");
        await oidc.handle(request.raw, reply.raw);
        return reply;
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

function notAForm(): Answer {
  return providerErrorPage({
    error: 'invalid_request',
    description: `only ${formType} bodies are read here`,
    status: 400,
  });
}
