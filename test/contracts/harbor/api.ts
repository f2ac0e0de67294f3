import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RelyingParty } from './issuer.ts';
import { projectRoutes } from './api-projects.ts';
import { robotRoutes } from './api-robots.ts';
import { systemRoutes } from './api-system.ts';
import { userRoutes } from './api-users.ts';
import { forbidden, HarborError, type State, unprocessable } from './state.ts';
import { sessionOf, type Who } from './who.ts';

/** One call of the API, with what its handler needs. */
export type Call = {
  state: State;
  who: Who;
  relyingParty: RelyingParty;
  externalUrl(): string;
  /** Decoded once, as go-openapi does. */
  params: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
  headers: IncomingMessage['headers'];
  path: string;
};

export type Answer = { status: number; body?: unknown; headers?: Record<string, string> };
export type Handler = (call: Call) => Answer | Promise<Answer>;
/** `:` stands for one part of the path. */
export type Routes = Record<string, Handler>;

const table = Object.entries({ ...systemRoutes, ...projectRoutes, ...userRoutes, ...robotRoutes }).map(
  ([pattern, handler]) => {
    const [method, path] = pattern.split(' ') as [string, string];
    return { method, path: new RegExp(`^${path.replaceAll(':', '([^/]+)')}$`), handler };
  },
);

/** `/api/v2.0/…`; everything refused has the body `{errors: [{code, message}]}`. */
export async function answerApi(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  call: Omit<Call, 'params' | 'query' | 'body' | 'headers' | 'path'>,
): Promise<void> {
  const path = url.pathname.slice('/api/v2.0'.length);
  const matching = table.filter((route) => route.path.test(path));
  const route = matching.find(({ method }) => method === request.method);
  if (route === undefined) {
    if (matching.length === 0) throw new HarborError(404, 'NOT_FOUND', `path ${url.pathname} was not found`);
    throw new HarborError(405, 'METHOD_NOT_ALLOWED', `method ${request.method} is not allowed`);
  }
  // A page has a token against forged requests; whoever brings a password has no session to be misused.
  const session = sessionOf(call.state, request);
  const isUnsafe = !['GET', 'HEAD', 'OPTIONS'].includes(request.method!);
  if (isUnsafe && session !== undefined && request.headers['x-harbor-csrf-token'] !== session.csrf) {
    throw forbidden('CSRF token not found in request');
  }
  const text = await bodyOf(request);
  let body: Record<string, unknown> = {};
  try {
    if (text !== '') body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw unprocessable('parsing body body from "" failed, because invalid character');
  }
  const params = route.path.exec(path)!.slice(1).map(decodeURIComponent);
  const { query } = { query: url.searchParams };
  const { headers } = request;
  const answer = await route.handler({ ...call, params, query, body, headers, path: url.pathname });
  response.writeHead(answer.status, {
    ...(answer.body !== undefined && { 'content-type': 'application/json; charset=utf-8' }),
    ...answer.headers,
  });
  response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** What a body holds where a text is meant; nothing for anything else. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** One page of a list with `X-Total-Count` and `Link`: pages of ten unless asked, of a hundred at most. */
export function paged<T>(call: Pick<Call, 'query' | 'path'>, all: readonly T[]): Answer {
  const number = (name: string, otherwise: number): number => {
    const text = call.query.get(name);
    if (text !== null && !/^-?\d+$/.test(text))
      throw unprocessable(`${name} in query must be of type int64: "${text}"`);
    return text === null ? otherwise : Number(text);
  };
  // Before the first page comes the first.
  const [page, size] = [Math.max(1, number('page', 1)), number('page_size', 10)];
  if (size > 100) throw unprocessable('page_size in query should be less than or equal to 100');
  const shown = size <= 0 ? [...all] : all.slice((page - 1) * size, page * size);
  const to = (other: number, rel: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(other));
    query.set('page_size', String(size));
    return `<${call.path}?${query.toString()}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [to(page - 1, 'prev')] : []),
    ...(size > 0 && page * size < all.length ? [to(page + 1, 'next')] : []),
  ];
  return {
    status: 200,
    body: shown,
    headers: { 'x-total-count': String(all.length), ...(links.length > 0 && { link: links.join(' , ') }) },
  };
}

/** `q=Name=~ada,ProjectID=3`: what each key must be; `~` is a part of it. */
export function filtersOf(query: URLSearchParams): Map<string, { value: string; isPart: boolean }> {
  const filters = (query.get('q') ?? '').split(',').filter((one) => one !== '');
  return new Map(
    filters.map((one) => {
      const [, name, part, value] = /^([A-Za-z_]+)=(~?)(.*)$/.exec(one) ?? [];
      if (name === undefined) throw new HarborError(400, 'BAD_REQUEST', `the query string ${one} is invalid`);
      return [name.toLowerCase(), { value: value!, isPart: part === '~' }];
    }),
  );
}
