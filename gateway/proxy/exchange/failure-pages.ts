import { asksForPage, type CanonicalRequest, isVisit, type RouteState } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import type { Visitor } from '../judge/gate.ts';
import type { Refusal } from '../message/answers.ts';
import { type Fields, fieldRecord } from '../wire/http-fields.ts';
import { type UpstreamFailure, upstreamFailed } from '../message/refusals.ts';

/** Somebody who may be there asks for something of a route. `visitor`: undefined where nobody is asked who they are. */
export type Asking = { route: Route; canonical: CanonicalRequest; visitor: Visitor | undefined };

/** What is known of the application behind a route; undefined when nobody watches it. Given by `app.ts`. */
export type StateOf = (asking: Asking) => RouteState | undefined;

/** Wakes what sleeps behind a route: somebody who may opens a page of it. Given by `app.ts`. */
export type Wake = (asking: Asking) => void;

export type Asked = {
  target: { route: Route };
  canonical: CanonicalRequest;
  requestId: string;
  visitor?: Visitor | undefined;
};

/** What the gateway says in place of an application that does not answer. */
export type DescribeFailure = (failure: UpstreamFailure, asked: Asked) => Refusal;

/** A page that waits asks again this often; what wakes is there soon, and somebody looks. */
const refreshSeconds = 3;
const wakingRefreshSeconds = 1;
/** When programs may ask again for what sleeps: they do not wake it. */
const asleepRetrySeconds = 30;

/**
 * One calm page for what is not there yet, asleep or broken: it says what is known (the step of a tool that starts), and has a way on:
 * again, home, and an id that an administrator finds in the log. Opening a page of what sleeps wakes it, and shows how far that is.
 */
export function createFailurePages({
  origin,
  stateOf,
  wake,
}: {
  origin: string;
  stateOf: StateOf;
  wake?: Wake | undefined;
}): DescribeFailure {
  return (failure, asked) => {
    const { canonical, visitor } = asked;
    const { route } = asked.target;
    const asking = { route, canonical, visitor };
    let state = isAboutState.has(failure) ? stateOf(asking) : undefined;
    if (state?.status === 'asleep' && isVisit(canonical) && wake !== undefined) {
      wake(asking);
      state = { ...state, status: 'waking', message: 'Its program is being started.' };
    }
    return withWayOn(withState(upstreamFailed(failure, route), route, state), asked, origin);
  };
}

/** Failures that the state of the application may explain; every other one is told as it is. */
const isAboutState: ReadonlySet<UpstreamFailure> = new Set([
  'upstream_unreachable',
  'upstream_unavailable',
  'upstream_timeout',
  'upstream_protocol',
]);

function withState(failed: Refusal, { title, service }: Route, state: RouteState | undefined): Refusal {
  const { status, message = '', progress, steps = [], link } = state ?? {};
  // Where it can be helped; before everything else.
  const refusal = link === undefined ? failed : { ...failed, links: [link] };
  // What is to be done about a tool is an administrator's affair, about a service that of whom it belongs to.
  const remedy = service && state?.remedy;
  switch (status) {
    case 'preparing':
    case 'waking': {
      const { remedy: _, ...rest } = refusal;
      const seconds = service ? wakingRefreshSeconds : refreshSeconds;
      return {
        ...rest,
        status: 503,
        heading: `${title} is ${status === 'waking' ? 'waking up' : 'starting'}`,
        reason: 'It is not ready yet. This page opens it as soon as it is.',
        progress: { step: message, ...(progress !== undefined && { value: progress }) },
        ...(service && steps.length > 0 && { steps }),
        headers: { 'retry-after': String(seconds) },
        refreshSeconds: seconds,
      };
    }
    case 'asleep':
      return {
        ...refusal,
        status: 503,
        heading: `${title} is asleep`,
        reason: message,
        remedy: 'Open its page in a browser, and it wakes.',
        tone: 'asleep',
        code: 'KNOT_PROXY_ASLEEP',
        reasonCode: 'asleep',
        headers: { 'retry-after': String(asleepRetrySeconds) },
      };
    case 'off':
      return {
        ...refusal,
        heading: `${title} is switched off`,
        reason: message,
        remedy: remedy ?? 'An administrator can start it.',
      };
    case 'elsewhere':
      return { ...refusal, heading: `${title} is on another machine`, reason: message, ...(remedy && { remedy }) };
    case 'failed':
      return {
        ...refusal,
        heading: `${title} does not work at the moment`,
        reason: message,
        remedy: remedy ?? 'An administrator finds the cause and what to do about it on the Health page.',
        ...(service && steps.length > 0 && { steps }),
      };
    default:
      return refusal;
  }
}

/** What a person can do next. A form is not sent again by a link, and a page that waits does not send it either. */
export function withWayOn(
  { refreshSeconds: refresh, ...refusal }: Refusal,
  { canonical, requestId }: Pick<Asked, 'canonical' | 'requestId'>,
  origin: string,
): Refusal {
  const isRepeatable = canonical.method === 'GET' || canonical.method === 'HEAD';
  return {
    ...refusal,
    ...(isRepeatable && refresh !== undefined && { refreshSeconds: refresh }),
    links: [
      ...(refusal.links ?? []),
      ...(isRepeatable ? [{ href: canonical.target, label: 'Try again' }] : []),
      { href: `${origin}/`, label: 'Home' },
    ],
    facts: [...(refusal.facts ?? []), ['Request', requestId]],
  };
}

/**
 * Whether an answer says no more than that there is nothing: 502, 503 or 504 (RFC 9110 section 15.6) as plain text or without a body,
 * as proxies in front of an application that is starting give it. A person who opened a page gets ours instead; pages that the
 * application has for this, and whatever programs asked for, pass.
 */
export function isBareFailure(status: number, headers: Fields, canonical: CanonicalRequest): boolean {
  if (status < 502 || status > 504 || !asksForPage(canonical)) return false;
  const { 'content-type': type = 'text/plain', 'content-length': length } = fieldRecord(headers);
  return String(length) === '0' || String(type).trim().toLowerCase().startsWith('text/plain');
}

/** `delay-seconds` or a date (RFC 9110 section 10.2.3); only the one form of a date that may be sent. */
const retryAfter = /^(?:\d{1,9}|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT)$/;

/** Our page for a bare failure asks to come back when the application said, if it did and nothing better is known. */
export function withRetryAfter(refusal: Refusal, headers: Fields): Refusal {
  const { 'retry-after': said } = fieldRecord(headers);
  if (typeof said !== 'string' || !retryAfter.test(said) || refusal.refreshSeconds !== undefined) return refusal;
  return { ...refusal, headers: { ...refusal.headers, 'retry-after': said } };
}
