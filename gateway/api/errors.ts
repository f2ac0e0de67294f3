import type { FastifyRequest, FastifySchemaValidationError } from 'fastify';
import {
  errorHeaders,
  isForPerson,
  KnotError,
  knotError,
  maskSecrets,
  pageHeaders,
  type PublicError,
  publicError,
  renderPublicError,
  withDetails,
} from '../lib/index.ts';
import type { ApiContext, ApiServer } from './context.ts';
import { refuseTokenInAddress } from './guard.ts';

/**
 * Every error of the API leaves in one shape (contract: `ApiError`), also that of an unknown address; as a page where a person was led
 * to it.
 */
export function answerErrors(app: ApiServer, { log }: ApiContext): void {
  app.setSchemaErrorFormatter((errors, place) => inputError(errors, place));

  app.setErrorHandler((error, request, reply) => {
    const answer = publicError(error, request.id);
    if (answer.statusCode >= 500 && !isEnded(error, request))
      log.error({ err: error, requestId: request.id }, 'an api request failed');
    reply.code(answer.statusCode).headers(errorHeaders(error));
    // A browser was led to it, as to a download whose sign-in has ended meanwhile: in a tab, a frame or an object.
    if (isForPerson(request.headers))
      return reply.headers(pageHeaders).send(renderPublicError(answer, waysOn(request, answer)));
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer));
  });

  app.setNotFoundHandler((request) => {
    refuseTokenInAddress(request.url);
    throw knotError(
      'KNOT_API_NOT_FOUND',
      404,
      `${request.method} ${maskSecrets(pathOf(request.url))} does not exist.`,
      {
        remedy: 'The API is described at /api/v1/openapi.json.',
      },
    );
  });
}

/** What was done for somebody who has gone meanwhile, and was ended for that (DOM, `AbortController`): nothing failed. */
const isEnded = (error: unknown, { raw }: FastifyRequest): boolean =>
  error instanceof Error && error.name === 'AbortError' && raw.destroyed;

/** Nobody is sent anywhere: inside a frame the page of sign-in would be shown to nobody. */
function waysOn({ method, url }: FastifyRequest, { statusCode }: PublicError): { href: string; label: string }[] {
  const home = { href: '/', label: 'Home' };
  if (statusCode !== 401) return [home];
  return [{ href: method === 'GET' ? `/login?next=${encodeURIComponent(url)}` : '/login', label: 'Sign in' }, home];
}

const pathOf = (url: string) => (url.split('?', 1)[0] ?? '').slice(0, 200);

/** Names each field that is wrong, never the value: it may be a password. */
function inputError(errors: FastifySchemaValidationError[], place: string): KnotError {
  // The validator says twice what is not known: of each such field, and of the object that holds it.
  const told = errors.filter(({ keyword }) => keyword !== 'boolean');
  const problems = told.slice(0, 20).flatMap((error) => {
    const field = error.instancePath.slice(1).replaceAll('/', '.');
    const params = error.params as { additionalProperties?: unknown; requiredProperties?: unknown };
    const names = [params.additionalProperties, params.requiredProperties].find(Array.isArray) as string[] | undefined;
    const message = params.additionalProperties
      ? 'is not known'
      : params.requiredProperties
        ? 'is missing'
        : error.message;
    const paths = (names ?? ['']).map((name) =>
      [field, String(name).slice(0, 60)].filter((part) => part !== '').join('.'),
    );
    return paths.map((path) => ({ field: path || place, message: message ?? 'is not valid' }));
  });
  const sentences = problems.map(({ field, message }) => `${field} ${message}`);
  return knotError('KNOT_API_INPUT', 400, `The ${nameOf(place)} is not valid: ${sentences.join('; ')}.`, {
    remedy: 'The API is described at /api/v1/openapi.json.',
    details: { problems },
  });
}

const nameOf = (place: string) => ({ body: 'body', querystring: 'query', params: 'address' })[place] ?? place;

/** The same refusal with a field under the name that the body of a request has for it. */
export function renameField(error: unknown, from: string, to: string): unknown {
  if (!(error instanceof KnotError)) return error;
  const { details } = error;
  const problems = details?.['problems'] as { field: string; message: string }[] | undefined;
  if (!problems) return error;
  const renamed = problems.map((problem) => (problem.field === from ? { ...problem, field: to } : problem));
  return withDetails(error, { ...details, problems: renamed });
}
