import type { FastifyInstance } from 'fastify';
import { createQuestions } from '../context.ts';
import { createFileActs } from '../files/acts.ts';
import { createPlaces } from '../files/places.ts';
import { answerHeaders, recordTokens } from '../guard.ts';
import type { ApiOptions } from '../options.ts';
import { answerDavErrors } from './answers.ts';
import { identifyDav } from './guard.ts';
import { createJudge } from './judge.ts';
import { createLockMethods } from './lock-methods.ts';
import { allMethods, type DavMethod, davMethods } from './methods.ts';
import { createReadMethods, type Handler } from './read-methods.ts';
import { createSpots } from './spots.ts';
import { createWriteMethods } from './write-methods.ts';

/**
 * The files by WebDAV, classes 1 and 2 (RFC 4918): the same places, decisions and acts as by the API, in another protocol. Register on
 * the main host's server only, with the prefix of `davMethods`.
 */
export async function davRoutes(app: FastifyInstance, options: ApiOptions): Promise<void> {
  const context = { ...options, ...createQuestions(options) };
  const places = createPlaces(context);
  const dav = {
    context,
    places,
    acts: createFileActs(context, places),
    spots: createSpots(places, options.publicAddress.origin),
  };
  const judge = createJudge(dav);
  const { shownLock, ...reading } = createReadMethods(dav);
  const handlers: Record<DavMethod, Handler> = {
    ...reading,
    ...createWriteMethods(dav, judge),
    ...createLockMethods(dav, judge, shownLock),
  };

  for (const method of davMethods.methods) app.addHttpMethod(method, { hasBody: true });
  // Bytes as they come; each method reads of them what it needs.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _body, done) => done(null));
  app.decorateRequest('identity', null);
  app.decorateRequest('identifyAgain', null);
  answerDavErrors(app, options);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(answerHeaders);
    if (request.method === 'OPTIONS') return;
    request.identifyAgain = () => identifyDav(request, context);
    request.identity = await identifyDav(request, context);
    // Shown on the access line, where one is written.
    if (app.hasRequestDecorator('username')) request.username = request.identity.principal.username;
  });
  recordTokens(app);
  for (const url of ['/', '/*']) {
    app.route({
      method: [...allMethods],
      url,
      exposeHeadRoute: false,
      handler: (request, reply) => handlers[request.method as DavMethod](request, reply),
    });
  }
}
