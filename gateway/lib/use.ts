import type { CanonicalRequest } from './canonical/canonical.ts';
import { asksForPage } from './navigation.ts';

/**
 * When people used a service last, as what passes through the gateway shows it. One object for each service, written on the hot path
 * and read now and then; times of `performance.now()`.
 *
 * What a page asks for by itself is no use of it, or a tab that was forgotten would keep its service awake for ever: what comes again
 * and again at even times is a clock's doing (`Ticks`). Nor is what a browser fetches before anybody asked, or for its tab bar.
 */
export class Use {
  /** Of the last use; 0 before there was one. */
  lastAt = 0;
  /** Paths, with all below them, that are no use, as the template says. */
  quietPaths: readonly string[] = [];
  /** A connection that is open is in use, whatever passes on it. */
  isKeptByConnections = false;
  readonly #ticks = new Ticks();

  /** A request that may pass, or an upgrade. Returns whether it is use: while it goes on, what it belongs to is used. */
  noteRequest(canonical: CanonicalRequest, now: number): boolean {
    if (isUnasked(canonical) || this.#isQuiet(canonical.decodedPath)) return false;
    const isTick = this.#ticks.isTick(canonical.path, now);
    if (isTick && !asksForPage(canonical)) return false;
    this.lastAt = now;
    return true;
  }

  #isQuiet(path: string): boolean {
    for (const quiet of this.quietPaths)
      if (path.startsWith(quiet) && (path.length === quiet.length || quiet.endsWith('/') || path[quiet.length] === '/'))
        return true;
    return false;
  }
}

const remembered = 16;
const intervals = 4;
const toleranceMs = 50;
const toleranceShare = 0.1;

type Rhythm = { at: number; intervals: number[] };

/**
 * Tells a clock from a person among things that look alike (requests for one path, messages of one length): what comes after an
 * interval like one of its last few comes by a timer. Nobody types or clicks that evenly for a minute; several tabs with the same
 * timer take turns evenly. Remembers few things, the newest.
 */
export class Ticks {
  readonly #rhythms = new Map<string | number, Rhythm>();

  isTick(what: string | number, now: number): boolean {
    const rhythm = this.#rhythms.get(what);
    if (rhythm === undefined) {
      if (this.#rhythms.size >= remembered) this.#rhythms.delete(this.#rhythms.keys().next().value!);
      this.#rhythms.set(what, { at: now, intervals: [] });
      return false;
    }
    const interval = now - rhythm.at;
    const isEven = rhythm.intervals.some(
      (known) => Math.abs(known - interval) <= Math.max(toleranceMs, known * toleranceShare),
    );
    rhythm.at = now;
    if (rhythm.intervals.push(interval) > intervals) rhythm.intervals.shift();
    return isEven;
  }
}

/** Whether nobody asked for it: fetched ahead by the browser, or for its tab bar and for those who index the web. */
export function isUnasked({ decodedPath, purpose }: Pick<CanonicalRequest, 'decodedPath' | 'purpose'>): boolean {
  if (unaskedPaths.has(decodedPath) || decodedPath.startsWith('/.well-known/')) return true;
  return purpose !== undefined && /prefetch|prerender|preview/i.test(purpose);
}

const unaskedPaths = new Set([
  '/favicon.ico',
  '/favicon.svg',
  '/apple-touch-icon.png',
  '/apple-touch-icon-precomposed.png',
  '/robots.txt',
  '/sitemap.xml',
  '/browserconfig.xml',
]);

/** Programs that follow links by themselves; whatever calls itself so is believed. */
const bots = /(?<!cu)bot\b|crawl|spider|slurp|preview|facebookexternalhit|embedly|whatsapp|monitoring|pingdom|uptime/i;

/** Whether somebody opens a page: that, and nothing else, wakes what sleeps. */
export function isVisit(canonical: CanonicalRequest): boolean {
  const { method, userAgent } = canonical;
  return method === 'GET' && asksForPage(canonical) && !isUnasked(canonical) && !bots.test(userAgent ?? '');
}
