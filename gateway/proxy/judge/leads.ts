import { LRUCache } from 'lru-cache';
import { type CanonicalRequest, type Clock, namespaceOf } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import type { Visitor } from './visitor.ts';

/**
 * Where whoever opens this page of an upstream is led instead (`Route.leads`); undefined for every other page, and null for who was led
 * from it so often within half a minute that nobody but a page does that: it does not take them as signed in.
 */
export type Leads = (
  route: Route,
  canonical: Pick<CanonicalRequest, 'decodedPath' | 'query'>,
  visitor: Visitor,
) => string | null | undefined;

const withinMs = 30_000;
const mostTimes = 4;

export function createLeads(clock: Clock): Leads {
  const led = new LRUCache<string, number[]>({ max: 10_000, ttl: withinMs });
  function isAgain(key: string): boolean {
    const times = (led.get(key) ?? []).filter((at) => at > clock.now() - withinMs);
    if (times.length >= mostTimes) return true;
    led.set(key, [...times, clock.now()]);
    return false;
  }
  return (route, { decodedPath, query }, { session, principal }) => {
    const to = route.leads?.[decodedPath];
    if (to === undefined) return undefined;
    // The start of a tool is no sign-in: people open it as often as they like.
    if (decodedPath !== '/' && isAgain(`${session.id} ${decodedPath}`)) return null;
    const { namespaces } = route;
    if (namespaces === undefined) return to;
    const own = namespaceOf({ namespacePrefix: namespaces.prefix }, { kind: 'user', name: principal.username });
    return withWayOn(to.replace('{}', own), query, route);
  };
}

/** `/sign-in?next=/page`: where it goes on from there is the page that whoever comes wanted to see, where they say one by that name. */
function withWayOn(to: string, query: string, { leads = {} }: Route): string {
  const [path, parameter] = to.split('?', 2);
  if (parameter === undefined) return to;
  const [name, page] = parameter.split('=', 2) as [string, string];
  const wanted = new URLSearchParams(query).get(name);
  const isPage = wanted !== null && pageOfHost.test(wanted) && leads[wanted.split('?', 1)[0]!] === undefined;
  return `${path}?${name}=${encodeURIComponent(isPage ? wanted : page)}`;
}

/** A path of this host, which no browser reads as another host's. */
const pageOfHost = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}$/;
