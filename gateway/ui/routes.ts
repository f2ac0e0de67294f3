import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isForPerson, knotError, maskSecrets, pageHeaders, renderErrorPage, type Identify } from '../lib/index.ts';
import { createBuildReader, fallbackFile, type DashboardBuild } from './build.ts';

export type UiOptions = {
  /** Where `npm run build` puts the dashboard: `dashboard/build`. */
  folder: string;
  /** Asked with the main host (`''`) for every navigation; nobody → the sign-in page. */
  identify: Identify;
  /** The sign-in page that leads back to what a request of nobody asked for (`login`). */
  signInPage: (request: FastifyRequest) => Promise<string>;
};

const yearSeconds = 365 * 24 * 60 * 60;

/** Headers of every answer of this module; the dashboard's own page adds its Content-Security-Policy. */
const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const;

/** Register last on the main host: it answers every GET that no other route took. */
export async function uiRoutes(app: FastifyInstance, { folder, identify, signInPage }: UiOptions): Promise<void> {
  const readBuild = createBuildReader(folder);
  await app.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    suppressWarning: true,
    setHeaders: (reply, path) => void reply.header('cache-control', cacheControl(path)),
  });

  app.get('/*', async (request, reply) => {
    reply.headers(securityHeaders);
    const path = pathOf(request.url);
    const build = await readBuild();
    if (build?.files.has(path) && path !== fallbackFile) return reply.sendFile(path);
    if (!isForPerson(request.headers) || isForPrograms(path)) throw notFound(request.method, path);
    if (build === undefined) return sendMissingBuild(reply);
    if ((await identify(request.headers.cookie, '')) === undefined) {
      return reply.header('cache-control', 'no-store').redirect(await signInPage(request), 303);
    }
    return sendFallback(reply, build);
  });
}

function sendFallback(reply: FastifyReply, build: DashboardBuild): FastifyReply {
  return reply
    .header('content-security-policy', build.contentSecurityPolicy)
    .header('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=(), usb=()')
    .sendFile(fallbackFile);
}

function sendMissingBuild(reply: FastifyReply): FastifyReply {
  const page = renderErrorPage({
    status: 503,
    heading: 'The dashboard is not built yet',
    reason: 'Knot runs, and signing in works, but the files of the dashboard are missing.',
    remedy: 'In the folder of Knot, run: npm run build. Then reload this page; no restart is needed.',
  });
  return reply.code(503).headers(pageHeaders).send(page);
}

/** Only names with a content hash may be kept; the page that names them must always be asked for. */
function cacheControl(path: string): string {
  if (/[\\/]_app[\\/]immutable[\\/]/.test(path)) return `public, max-age=${yearSeconds}, immutable`;
  return /\.html(\.br|\.gz)?$/.test(path) ? 'no-store' : 'no-cache';
}

/** Addresses whose readers are programs: they must see a 404, never a page that looks like a success. */
function isForPrograms(path: string): boolean {
  return /^\/(api|_app|oidc|\.well-known|\.knot)(\/|$)/.test(path);
}

function notFound(method: string, path: string): Error {
  return knotError('KNOT_UI_NOT_FOUND', 404, `${method} ${maskSecrets(path)} does not exist.`, {
    remedy: 'Check the address. The API is described at /api/v1/openapi.json.',
  });
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
