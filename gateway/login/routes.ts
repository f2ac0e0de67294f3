import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorHeaders, isSameOrigin, knotError, otherPort, publicError, renderErrorPage } from '../lib/index.ts';
import { accountRoutes } from './account.ts';
import { createSteps, type LoginOptions } from './context.ts';
import { handoffRoutes } from './handoff.ts';
import { linkRoutes } from './links.ts';
import { sendPage } from './send.ts';
import { signInRoutes } from './sign-in.ts';
import { signOutRoutes } from './sign-out.ts';
import { signUpRoutes } from './sign-up.ts';

/** Bytes; a `next` that the edge takes, in the encoding of a form, and the fields of people. */
const bodyLimit = 128 * 1024;

/**
 * The pages of the main host that need no session. To be registered on the main host only; parsers, hooks and the error
 * page stay inside.
 */
export async function loginRoutes(app: FastifyInstance, options: LoginOptions): Promise<void> {
  const { publicAddress, caPem, log } = options;
  const context = { ...options, ...createSteps(options) };

  app.removeAllContentTypeParsers();
  await app.register(formbody, { bodyLimit });

  app.addHook('onRequest', async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') refuseForeign(request, publicAddress.origin);
  });

  app.setErrorHandler((error, request, reply) => {
    const shown = publicError(error, request.id);
    if (shown.statusCode >= 500) log.error({ err: error, requestId: request.id }, 'a sign-in page failed');
    return sendError(reply.headers(errorHeaders(error)), shown);
  });

  signInRoutes(app, context);
  accountRoutes(app, context);
  signUpRoutes(app, context);
  linkRoutes(app, context);
  signOutRoutes(app, context);
  handoffRoutes(app, context);

  app.get('/ca.pem', async (_request, reply) => {
    const pem = caPem();
    if (pem === undefined) {
      throw knotError('KNOT_LOGIN_NO_CA', 404, 'This Knot has no certificate authority of its own.', {
        remedy: 'Its certificate was given by the operator; nothing has to be installed.',
      });
    }
    return reply
      .type('application/x-x509-ca-cert')
      .header('content-disposition', 'attachment; filename="knot-ca.pem"')
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
      .send(pem);
  });
}

/** Login and logout CSRF (C7, C8): a form of another origin, a sibling host included, is refused before its body is read. */
function refuseForeign(request: FastifyRequest, ownOrigin: string): void {
  const { origin, 'sec-fetch-site': secFetchSite } = request.headers;
  if (isSameOrigin({ origin, secFetchSite }, ownOrigin)) return;
  const { message, remedy } = otherPort(origin, ownOrigin) ?? {
    message: 'This form was sent from another site, so it was not accepted.',
    remedy: 'Nothing was changed. Open the page itself and try again.',
  };
  throw knotError('KNOT_LOGIN_FOREIGN_ORIGIN', 403, message, { remedy });
}

function sendError(reply: FastifyReply, shown: ReturnType<typeof publicError>): FastifyReply {
  const page = renderErrorPage({
    status: shown.statusCode,
    heading: headings[shown.statusCode] ?? (shown.statusCode < 500 ? 'That did not work' : 'Something went wrong'),
    reason: shown.message,
    ...(shown.remedy === undefined ? {} : { remedy: shown.remedy }),
    facts: [
      ['Code', shown.code],
      ['Request', shown.requestId],
    ],
    links: [{ href: '/login', label: 'Back to sign in' }],
  });
  return sendPage(reply, page, shown.statusCode);
}

const headings: Record<number, string> = {
  403: 'Not accepted',
  404: 'Not found',
  410: 'This link no longer works',
  413: 'That was too much',
  415: 'Not a form',
  503: 'Not available at the moment',
};
