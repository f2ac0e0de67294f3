import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Entry, textOf } from '../files/index.ts';
import {
  errorHeaders,
  isForPerson,
  isSameOrigin,
  knotError,
  pageHeaders,
  pageHeadersOwn,
  publicError,
} from '../lib/index.ts';
import type { GuestOptions } from './context.ts';
import { isSecretForm, readGuestCookie, writeGuestCookie } from './cookie.ts';
import { addressOfVisit, filePage, folderPage, refusalPage, type Sort, takePage, uploadPage } from './pages.ts';
import { forGuests, receiveFiles } from './receive.ts';
import { sendScript } from './script.ts';
import { guestStyle } from './style.ts';
import { createVisits, type Held, noLink, type Visit } from './visit.ts';

const pageLimit = 200;
const ofFolder = pageHeadersOwn({ style: guestStyle });
const ofForm = pageHeadersOwn({ style: guestStyle, script: sendScript });
/** The address of this page holds the secret: it is named to nobody. */
const ofLink = (leadsTo: string | undefined) => ({
  ...pageHeadersOwn({ style: guestStyle, leadsTo }),
  'referrer-policy': 'no-referrer',
});
/** No search engine, and no page of another origin, has anything to do with what guests see. */
const always = { 'x-robots-tag': 'noindex, nofollow', 'cross-origin-resource-policy': 'same-origin' };

/** The pages of guests. To be registered on the main host only; parsers, hooks and error pages stay inside. */
export async function guestRoutes(app: FastifyInstance, options: GuestOptions): Promise<void> {
  const { shares, content, publicAddress, log } = options;
  const visits = createVisits(options);

  app.removeAllContentTypeParsers();
  // Bytes as they come; who takes them reads the stream.
  app.addContentTypeParser('*', (_request, _body, done) => done(null));

  app.addHook('onRequest', async (request, reply) => {
    request.username = 'guest';
    reply.headers(always);
    refuseForeign(request, publicAddress.origin);
  });

  app.setErrorHandler((error, request, reply) => {
    // Numbers and places are for people with an account.
    const { details: _, ...shown } = publicError(forGuests(error), request.id);
    if (shown.statusCode >= 500 && shown.statusCode !== 507)
      log.error({ err: error, requestId: request.id }, 'a page of guests failed');
    reply.code(shown.statusCode).headers(errorHeaders(error)).header('cache-control', 'no-store');
    if (!isForPerson(request.headers)) return reply.header('x-content-type-options', 'nosniff').send(shown);
    return reply.headers(pageHeaders).header('referrer-policy', 'no-referrer').send(refusalPage(shown));
  });

  app.get('/s/:secret', async (request, reply) => {
    const { secret } = request.params as { secret: string };
    const cookie = readGuestCookie(request.headers.cookie);
    const { share, state } = await visits.linkOf(request, checked(secret), cookie.browser);
    if (state === 'unbound') return reply.headers(ofLink(await visits.originOf(share))).send(takePage());
    return goOn(reply, writeGuestCookie(cookie, { id: share.id, secret }), share.id);
  });

  app.post('/s/:secret', async (request, reply) => {
    const { secret } = request.params as { secret: string };
    const cookie = readGuestCookie(request.headers.cookie);
    await visits.linkOf(request, checked(secret), cookie.browser);
    const share = await shares.openLink(secret, cookie.browser);
    // Another one was faster.
    if (share === undefined) return reply.redirect(`/s/${secret}`, 303);
    return goOn(reply, writeGuestCookie(cookie, { id: share.id, secret }), share.id);
  });

  app.get('/s/*', async () => checked(''));

  app.get('/guest/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    return reply.header('cache-control', 'no-store').redirect(`/guest/${encodeURIComponent(id)}/`, 303);
  });

  app.get('/guest/:id/*', async (request, reply) => {
    const held = await heldIn(request);
    const elsewhere = await visits.addressOnHost(held);
    if (elsewhere !== undefined)
      return reply
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .redirect(elsewhere, 303);
    const visit = await visits.visitOf(held, addressIn(request));
    const files = visits.files();
    const query = request.query as Record<string, string | string[] | undefined>;
    if (!visits.may(request, 'listFiles', visit)) {
      visits.demand(request, 'addFiles', visit);
      // Whoever hands in sees one page, wherever they point.
      if (visit.below.length > 0) throw forGuests(gone());
      visits.noteUse(request, visit);
      return reply.headers(ofForm).send(uploadPage(visit, { received: numberIn(query['received']), refused: [] }));
    }
    const entry = files.look(visit.disk, visits.pathOf(visit));
    visits.noteUse(request, visit);
    if (entry.kind !== 'folder') return sendOne(request, reply, visit, entry, query);
    if (query['zip'] !== undefined) return sendZip(request, reply, visit);
    const sort = sortIn(query['sort']);
    const page = Math.max(1, numberIn(query['page']));
    const { entries, total } = await files.list(visit.disk, visits.pathOf(visit), {
      sort: sort.replace('-', '') as 'name' | 'size' | 'modified',
      isDescending: sort.startsWith('-'),
      offset: (page - 1) * pageLimit,
      limit: pageLimit,
    });
    return reply.headers(ofFolder).send(folderPage(visit, { entries, total, page, limit: pageLimit, sort }));
  });

  function sendOne(request: FastifyRequest, reply: FastifyReply, visit: Visit, entry: Entry, query: object) {
    visits.demand(request, 'readFiles', visit);
    const isKept = 'download' in query;
    // The address of a shared file is a page about it; what lies in a shared folder is opened from that one's page.
    const isAsked = visit.below.length > 0 || isKept || 'open' in query;
    if (!isAsked && entry.kind === 'file') return reply.headers(ofFolder).send(filePage(visit, entry));
    const opened = visits.files().open(visit.disk, visits.pathOf(visit));
    return content.sendFile(request, reply, { ...opened, isKept }, () =>
      visits.follow(request, reply, 'download', 'readFiles', visit),
    );
  }

  function sendZip(request: FastifyRequest, reply: FastifyReply, visit: Visit) {
    visits.demand(request, 'readFiles', visit);
    const path = visits.pathOf(visit);
    const last = path.at(-1);
    const title = last === undefined ? visit.host : textOf(last);
    reply.headers({
      'content-type': 'application/zip',
      'content-disposition': `attachment; ${content.filename(`${title}.zip`)}`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    if (request.method === 'HEAD') return reply.send('');
    const { disk } = visit;
    const stream =
      last === undefined
        ? visits.files().zip(disk, path, undefined, 'store')
        : visits.files().zip(disk, path.slice(0, -1), [last], 'store');
    visits.follow(request, reply, 'download', 'readFiles', visit);
    return reply.send(stream);
  }

  app.post('/guest/:id/*', async (request, reply) => {
    const visit = await visits.visitOf(await heldIn(request), addressIn(request));
    visits.demand(request, 'addFiles', visit);
    if (visit.below.length > 0) throw forGuests(gone());
    if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) throw noForm();
    visits.noteUse(request, visit);
    visits.follow(request, reply, 'upload', 'addFiles', visit);
    const result = await receiveFiles(request, visit, { ...options, visits });
    const status = result.refused[0]?.status ?? 200;
    if (!isForPerson(request.headers)) return reply.code(status).header('cache-control', 'no-store').send(result);
    if (status === 200) return reply.redirect(`${addressOfVisit(visit)}?received=${result.received}`, 303);
    return reply.code(status).headers(ofForm).send(uploadPage(visit, result));
  });

  const heldIn = (request: FastifyRequest): Promise<Held> =>
    visits.shareOf(request, (request.params as { id: string }).id);
}

/** What stands behind `/guest/SHARE/`, as it came: the router would decode it. */
function addressIn(request: FastifyRequest): string {
  const [, , , ...rest] = request.raw.url!.split('?', 1)[0]!.split('/');
  return rest.join('/');
}

function goOn(reply: FastifyReply, cookie: string, id: string): FastifyReply {
  return reply
    .header('set-cookie', cookie)
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .redirect(`/guest/${id}/`, 303);
}

/** What cannot be a secret is not looked for, and is told in the same words. */
function checked(secret: string): string {
  if (isSecretForm(secret)) return secret;
  throw noLink();
}

/** Pages of sibling hosts are other people's: they neither send forms here nor show what is shared (see `isSameOrigin`). */
function refuseForeign(request: FastifyRequest, ownOrigin: string): void {
  const { origin, 'sec-fetch-site': secFetchSite, 'sec-fetch-dest': dest } = request.headers;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  // A link is opened from wherever it was sent to.
  if (isRead && (dest === undefined || dest === 'document')) return;
  if (isSameOrigin({ origin: isRead ? undefined : origin, secFetchSite }, ownOrigin)) return;
  throw knotError('KNOT_GUESTS_CROSS_SITE', 403, 'The request comes from another site.', {
    remedy: 'Open the link itself.',
  });
}

const numberIn = (value: unknown): number => (typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : 0);

const sortIn = (value: unknown): Sort =>
  typeof value === 'string' && /^-?(name|size|modified)$/.test(value) ? (value as Sort) : 'name';

const gone = () => knotError('KNOT_GUESTS_NOT_FOUND', 404, 'There is no such page.');

const noForm = () =>
  knotError('KNOT_GUESTS_FORM', 400, 'Files are sent by the form of the page.', {
    remedy: 'Open the link and send them there.',
  });
