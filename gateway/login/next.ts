import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PublicAddress } from '../config/index.ts';
import { hashSecret, networkOf, renderErrorPage } from '../lib/index.ts';
import type { Route } from '../routes/index.ts';
import type { Sessions } from '../sessions/index.ts';
import { safeNext } from './next-url.ts';
import { sendOn, sendPage } from './send.ts';

/** `next` as it travels through the pages: `/`, what `safeNext` accepts, or `kept:ID` for an address that is kept. */
export type Next = string;

export type ReadNext = {
  next: Next;
  /** It was given and leads nowhere on this platform, so it became `/`; the person is told. */
  isRefused: boolean;
};

type Options = {
  sessions: Pick<Sessions, 'kept'>;
  publicAddress: PublicAddress;
  findRoute: (host: string) => Route | undefined;
  addressOf: (request: FastifyRequest) => string;
};

/** Encoded characters up to which an address travels in another one (`proxy/handoff`). */
const longestTravelling = 2000;
const keptPattern = /^kept:([A-Za-z0-9_-]{43})$/;

/** Where a sign-in leads: read once from what a browser shows, carried from page to page, and followed at the end. */
export function createNext({ sessions, publicAddress, findRoute, addressOf }: Options) {
  const rules = { publicAddress, isRouteHost: (host: string) => findRoute(host) !== undefined };

  function readNext(given: string | undefined): ReadNext {
    if (given === undefined || given === '') return { next: '/', isRefused: false };
    if (keptPattern.test(given)) return { next: given, isRefused: false };
    const next = safeNext(given, rules);
    return { next: next ?? '/', isRefused: next === undefined };
  }

  /** The same `next` in a form short enough for an address; a long one is kept on the server. */
  async function carried(request: FastifyRequest, next: Next): Promise<Next> {
    if (encodeURIComponent(next).length <= longestTravelling) return next;
    const client = addressOf(request);
    // There is no cookie to tell browsers apart before anybody is signed in.
    const browser = hashSecret(`${client} ${request.headers['user-agent'] ?? ''}`);
    return `kept:${await sessions.kept.keep(next, { browser, client: networkOf(client) })}`;
  }

  /** The address that a `next` or a parameter of the hand-off stands for; undefined when it is not kept any more. */
  async function addressOfNext(next: Next): Promise<string | undefined> {
    const id = keptPattern.exec(next)?.[1];
    return id === undefined ? next : await sessions.kept.find(id);
  }

  /** Leaves the sign-in pages. */
  async function goOn(reply: FastifyReply, next: Next): Promise<FastifyReply> {
    const address = await addressOfNext(next);
    const location = address === undefined ? undefined : safeNext(address, rules);
    return location === undefined ? sendForgotten(reply) : sendOn(reply, location);
  }

  return { readNext, carried, addressOfNext, goOn };
}

/** The sign-in page that leads back to what a request of the main host asked for. */
export function createSignInPage(options: Options): (request: FastifyRequest) => Promise<string> {
  const { carried } = createNext(options);
  return async (request) => withNext('/login', await carried(request, request.url));
}

/** An address of the pages with a `next` to come back to. */
export function withNext(path: string, next: Next): string {
  if (next === '/') return path;
  return `${path}${path.includes('?') ? '&' : '?'}next=${encodeURIComponent(next)}`;
}

/**
 * What a form without action asks of the address of its own page to get to the sign-in or sign-up page: a link would drop the fragment
 * of that address, and a redirect takes it along (RFC 9110 section 10.2.2).
 */
export function turnTo(page: 'login' | 'signup', next: Next): Record<string, string> {
  return next === '/' ? { to: page } : { to: page, next };
}

/** Sends on who asked for the page that `turnTo` named; undefined for everybody else. */
export function turned(
  request: FastifyRequest,
  reply: FastifyReply,
  page: 'login' | 'signup',
  next: Next,
): FastifyReply | undefined {
  return (request.query as { to?: unknown }).to === page ? sendOn(reply, withNext(`/${page}`, next)) : undefined;
}

/** `host`: where the start page of the application is, when that is known. */
export function sendForgotten(reply: FastifyReply, start?: { href: string; title: string }): FastifyReply {
  const page = renderErrorPage({
    status: 410,
    heading: 'The way back is not known any more',
    reason: 'You are signed in. The address you came from was a long one, and it is kept for a day only.',
    remedy: 'Open it again from where you had it.',
    links: [...(start ? [{ href: start.href, label: `Open ${start.title}` }] : []), { href: '/', label: 'Home' }],
  });
  return sendPage(reply, page, 410);
}
