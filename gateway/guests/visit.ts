import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  areaOfKey,
  type DiskArea,
  type Files,
  type Path,
  pathOfAddress,
  pathOfText,
  textOfPath,
} from '../files/index.ts';
import { type Action, knotError, type Principal } from '../lib/index.ts';
import type { LiveKind } from '../live/index.ts';
import { type Area, areaResource } from '../owners/index.ts';
import { guestOf, type LinkState, type Share } from '../shares/index.ts';
import type { GuestOptions } from './context.ts';
import { readGuestCookie } from './cookie.ts';
import { browserOf, whoOfBrowser } from './visitors.ts';

/** A guest at a place of what is shared with them. */
export type Visit = {
  share: Share;
  guest: Principal;
  /** Who lets them in: a person by name, a team by title. */
  host: string;
  area: Area;
  disk: DiskArea;
  /** Of what is shared, from the root of the area; nothing above it is there for a guest. */
  root: Path;
  /** Below that. */
  below: Path;
  browser: string;
};

/** A share whose link a browser has opened. */
export type Held = Pick<Visit, 'share' | 'browser'>;

export type Visits = ReturnType<typeof createVisits>;

type GuestAction = Extract<Action, 'listFiles' | 'readFiles' | 'addFiles'>;

/** Who comes with which link, where to, and what they may there; asked for each request anew. */
export function createVisits(options: GuestOptions) {
  const { shares, accounts, owners, policy, live, throttle, publicAddress, addressOf } = options;

  /**
   * What a link is worth to a browser. Wrong ones are counted against the network they come from, with the wrong passwords.
   * @throws KNOT_GUESTS_TOO_MANY, KNOT_GUESTS_LINK, KNOT_GUESTS_ENDED, KNOT_GUESTS_OTHER_BROWSER
   */
  async function linkOf(request: FastifyRequest, secret: string, browser: string): Promise<LinkState> {
    const attempt = { address: addressOf(request) };
    const verdict = await throttle.take(attempt);
    if (!verdict.isAllowed) throw tooMany(verdict.retryAfterSeconds);
    const link = await shares.lookAtLink(secret, browser);
    if (link === undefined) throw noLink();
    await throttle.refund(attempt);
    return usable(link);
  }

  /** Of `/guest/SHARE/…`: the share of that id, if this browser holds its link. */
  async function shareOf(request: FastifyRequest, id: string): Promise<Held> {
    const { browser, links } = readGuestCookie(request.headers.cookie);
    const held = links.find((link) => link.id === id);
    if (held === undefined) throw notHeld();
    const link = await shares.lookAtLink(held.secret, browser);
    // The id in the cookie is only what the browser says; what the secret opens decides.
    if (link === undefined || link.share.id !== id) {
      const verdict = await throttle.take({ address: addressOf(request) });
      throw verdict.isAllowed ? notHeld() : tooMany(verdict.retryAfterSeconds);
    }
    const { share, state } = usable(link);
    if (state !== 'open') throw notHeld();
    return { share, browser };
  }

  async function hostOf({ owner }: Share, guest: Principal): Promise<{ host: string; area: Area } | undefined> {
    const found = owner.kind === 'team' ? await accounts.findTeam(owner.id) : await accounts.findUser(owner.id);
    if (found === undefined) return undefined;
    const [name, host] =
      'title' in found ? [`team:${found.name}`, found.title] : [`user:${found.username}`, found.username];
    const area = await owners.area(name, guest);
    return area && { host, area };
  }

  /** Of a share of a service: the origin it is at; undefined for a share of files. */
  async function originOf({ thing }: Share): Promise<string | undefined> {
    return thing.kind === 'service' ? (await options.hostOfService(thing.id))?.origin : undefined;
  }

  /** Of a share of a service: the address on its host that lets this browser in; undefined for a share of files. */
  async function addressOnHost({ share, browser }: Held): Promise<string | undefined> {
    if (share.thing.kind !== 'service') return undefined;
    const place = await options.hostOfService(share.thing.id);
    if (place === undefined) throw ended('deleted');
    const code = await shares.beginVisit(share, { host: place.host, browser: browserOf(browser) });
    return `${place.origin}/.knot/guest?code=${code}`;
  }

  /** `address`: what stands behind `/guest/SHARE/`, as it came. */
  async function visitOf({ share, browser }: Held, address: string): Promise<Visit> {
    const guest = guestOf(share);
    const whose = share.thing.kind === 'files' ? await hostOf(share, guest) : undefined;
    const disk = whose && areaOfKey(whose.area.key);
    if (whose === undefined || disk === undefined || whose.area.key !== share.thing.id) throw ended('deleted');
    const place = { root: pathOfText(share.thing.path), below: pathOfAddress(address) };
    return { share, guest, ...whose, disk, ...place, browser };
  }

  const pathOf = ({ root, below }: Pick<Visit, 'root' | 'below'>): Path => [...root, ...below];

  function may(request: FastifyRequest, action: GuestAction, visit: Visit): boolean {
    const { guest: principal, area } = visit;
    const thing = { kind: 'files', id: area.key, path: textOfPath(pathOf(visit)) } as const;
    const shared = shares.rightsOn(principal, thing);
    const context = {
      method: request.method,
      host: publicAddress.domain,
      path: request.url.split('?', 1)[0] ?? '/',
      address: addressOf(request),
      isUpgrade: false,
    };
    const question = { principal, action, resource: areaResource(area), context, ...(shared && { shared }) };
    return policy.decide(question).effect === 'allow';
  }

  return {
    linkOf,
    shareOf,
    addressOnHost,
    originOf,
    visitOf,
    pathOf,
    may,
    files(): Files {
      if (options.files !== undefined) return options.files;
      throw knotError('KNOT_GUESTS_UNAVAILABLE', 503, 'Files are not available on this system.');
    },
    demand(request: FastifyRequest, action: GuestAction, visit: Visit): void {
      if (!may(request, action, visit)) throw denied();
    },
    noteUse(request: FastifyRequest, visit: Visit): void {
      const { guest, area, browser } = visit;
      const thing = { kind: 'files', id: area.key, path: textOfPath(pathOf(visit)) } as const;
      const who = whoOfBrowser(browser);
      shares.noteUse(guest, thing, { who, name: 'guest', address: addressOf(request) });
    },
    /** Keeps a transfer among the open streams: it is cut within two seconds when the link ends. */
    follow(request: FastifyRequest, reply: FastifyReply, kind: LiveKind, action: GuestAction, visit: Visit): void {
      const done = live.open({
        kind,
        sessionId: visit.guest.id,
        userId: visit.guest.id,
        username: 'guest',
        host: publicAddress.domain,
        isStillAllowed: () => may(request, action, visit),
        close: () => void reply.raw.destroy(),
      });
      reply.raw.once('close', done);
    },
  };
}

function usable(link: LinkState): LinkState {
  if (link.state === 'ended') throw ended(link.why);
  if (link.state === 'taken') throw otherBrowser();
  return link;
}

const askAgain = 'Ask whoever sent you the link for a new one.';

const endings: Record<string, string> = {
  expired: 'Its time is over.',
  revoked: 'Whoever shared it has ended it.',
  moved: 'What was shared was moved to another place.',
  deleted: 'What was shared was deleted.',
  gone: 'What was shared is gone: it was moved or deleted.',
};

const ended = (why: string) =>
  knotError('KNOT_GUESTS_ENDED', 410, endings[why] ?? 'The account of whoever shared it was closed.', {
    remedy: askAgain,
  });

export const noLink = () =>
  knotError('KNOT_GUESTS_LINK', 404, 'There is nothing behind this link. Perhaps it was cut off when it was copied.', {
    remedy: 'Open it once more, whole, from the message you got. If it stays so, ask for a new one.',
  });

const notHeld = () =>
  knotError('KNOT_GUESTS_NOT_HELD', 403, 'This browser has not opened a link to this page.', {
    remedy: 'Open the link you were sent; this address alone leads nowhere.',
  });

const otherBrowser = () =>
  knotError('KNOT_GUESTS_OTHER_BROWSER', 403, 'This link works in one browser only, and another one has opened it.', {
    remedy: `Use the browser in which it was opened first. ${askAgain}`,
  });

const denied = () =>
  knotError('KNOT_GUESTS_DENIED', 403, 'The link does not let you do this, or guests are not let in here any more.', {
    remedy: 'Ask whoever sent you the link.',
  });

const tooMany = (seconds: number) =>
  knotError('KNOT_GUESTS_TOO_MANY', 429, 'Too many links that lead nowhere were opened from your network.', {
    remedy: `Try again in ${Math.ceil(seconds / 60) === 1 ? 'a minute' : `${Math.ceil(seconds / 60)} minutes`}.`,
    headers: { 'retry-after': String(seconds) },
  });
