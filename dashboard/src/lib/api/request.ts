/** How the dashboard asks the gateway anything: every `fetch` of it is in `request`; the files beside this one name the questions. */
import { navigating } from '$app/state';
import { noteUndo } from '#lib/api/undo.ts';
import { problemOf, type Problem } from '#lib/problem.ts';
import { urls } from '#lib/urls.ts';

export const apiRoot = '/api/v1';

/** Thrown by every question when the answer is not a success. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

/** The problem in whatever was thrown; what the API did not say becomes a plain sentence. */
export function problemIn(error: unknown): Problem {
  return error instanceof ApiError ? error.problem : problemOf(-1, undefined);
}

/**
 * Asks and reads JSON. No token goes along: the gateway accepts a change only with this site's own `Origin`. Who is
 * not signed in any more (401) goes to the sign-in page and comes back here afterwards.
 */
export async function request<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await ask(method, path, {
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json().catch(() => {
    // A line that breaks in the middle of an answer is as one that breaks before it.
    if (method === 'GET') throw new ApiError(problemOf(0, undefined));
  });
  if (method !== 'GET') noteUndo(method, path, answer);
  return answer as T;
}

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The same for what is not JSON: the answer as it comes. A refusal is thrown. */
export async function ask(method: Method, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { accept: 'application/json', ...(init.headers as Record<string, string>) };
  const askedAfter = stays;
  const response = await fetch(apiRoot + path, { ...init, method, headers }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    return undefined;
  });
  if (!response) throw new ApiError(problemOf(0, undefined));
  if (response.status === 401) return leaveForSignIn(askedAfter);
  if (!response.ok) throw new ApiError(problemOf(response.status, await response.json().catch(() => undefined)));
  return response;
}

/** A file that the build of the dashboard brought along. */
export async function readAsset(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new ApiError(problemOf(response.status, undefined));
  return new Uint8Array(await response.arrayBuffer());
}

let isSigningOut = false;
let isSessionOver = false;
/** Whether the way to the sign-in page was set out on and the person did not rather stay. */
let isOnWay = false;
/** How often the person was asked whether to stay, because something here is not saved yet. */
let stays = 0;

/** Whether the page is on its way to the sign-in page: nothing that it asks on the way could be saved. */
export const isLeavingForSignIn = (): boolean => isSigningOut || isSessionOver;

/** From here on a refusal is what was asked for, and leads nowhere of its own. */
export function noteSigningOut(): void {
  isSigningOut = true;
}

/**
 * Comes back to the page that was asked for, also when it is not shown yet. Several questions are refused when a session ends; the first sets
 * out. Another would ask for the sign-in page once more, and why the session ended is told to who asks first. Who rather stays is not asked
 * again for what was under way then.
 */
function leaveForSignIn(askedAfter: number): Promise<never> {
  if (isSigningOut || isOnWay || askedAfter < stays) return new Promise(() => undefined);
  isSessionOver = isOnWay = true;
  addEventListener('beforeunload', noteStay, { once: true });
  const { pathname, search, hash } = navigating.to?.url ?? location;
  location.assign(urls.signIn(pathname + search + hash));
  return new Promise(() => undefined);
}

/** Hears of it last, and so knows whether somebody holds the page back. */
function noteStay({ defaultPrevented }: BeforeUnloadEvent): void {
  if (!defaultPrevented) return;
  isOnWay = false;
  stays += 1;
}

// A page that the browser kept and shows again has arrived nowhere.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) isSessionOver = isOnWay = false;
});

/** A name or id as one segment of an address. */
export const segment = encodeURIComponent;

/** A query as an address carries it. */
export const textual = (query: object): Record<string, string | number | undefined> =>
  Object.fromEntries(
    Object.entries(query as Record<string, string | number | boolean | undefined>).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? String(value) : value,
    ]),
  );
