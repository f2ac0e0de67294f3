import type { Accounts } from '../../accounts/index.ts';
import type {
  Action,
  AuthorizationRequest,
  Authorize,
  CanonicalRequest,
  Principal,
  Session,
  ShareRight,
} from '../../lib/index.ts';
import type { Route, Routes } from '../../routes/index.ts';
import { type ClaimedBy, type Claims, createClaims } from './claims.ts';
import type { Asked, Verdict, Visitor } from './visitor.ts';
import { bringsOwnToken } from './own-token.ts';
import type { Sessions } from '../../sessions/index.ts';

export type { Asked, Verdict, Visitor } from './visitor.ts';

/** Holders of links on the hosts of services, who have no session; given by `app` from `guests`. */
export type Guests = {
  peek(cookie: string | undefined, host: string): Visitor | null | undefined;
  find(cookie: string | undefined, host: string): Promise<Visitor | null>;
};

/** Why a program is not let in: what it shows is worth nothing, is made for something else, or it guesses. */
export type NoProgram = 'unknown' | 'scope' | 'too-often';

/** Programs that come with a personal token, or with what `knot login` was given, where a route lets them in (`switches.programs`). */
export type Programs = {
  /** What a request shows; undefined where it is no program, or the route lets none in. */
  secretOf(authorization: string | undefined, route: Route): string | undefined;
  /** Whom it speaks for. What ends the token ends what is open by it: the session has its id. */
  find(secret: string, asked: Asked, route: Route): Promise<Visitor | NoProgram>;
};

export type Gate = {
  /** From caches only: undefined means "ask `find`", null means nobody. */
  peek(cookie: string | undefined, host: string): Visitor | null | undefined;
  find(cookie: string | undefined, host: string): Promise<Visitor | null>;
  /** The same of somebody who is let in by a link; asked only where the session lets nobody in. */
  peekGuest(cookie: string | undefined, route: Route): Visitor | null | undefined;
  findGuest(cookie: string | undefined, route: Route): Promise<Visitor | null>;
  decide(asked: Asked, route: Route, principal: Principal): Verdict;
  /** Whom credentials of an upstream's own name. */
  claims: Claims;
  /** Session (or link), person, route and verdict, all asked anew, of whom it was opened as: nobody goes on under another's name. */
  isStillAllowed(shown: Shown, asked: Asked, route: Route, opened: Opened): Promise<boolean>;
};

/** As whom a stream was opened. `goesOn`: its upstream goes by what it was told of them then, as long as it lasts. */
export type Opened = { principal: Principal; goesOn: boolean };

/** What says who asks. */
export type Shown = Pick<CanonicalRequest, 'cookie' | 'authorization'>;

/** What shares let somebody do with a service, by its id; undefined where nothing is shared. */
export type SharedOn = (principal: Principal, serviceId: string) => readonly ShareRight[] | undefined;

export type GateOptions = {
  sessions: Pick<Sessions, 'peek' | 'find'>;
  accounts: Pick<Accounts, 'peekPrincipal' | 'principal' | 'principalByName'>;
  routes: Pick<Routes, 'find' | 'resourceAt'>;
  decide: Authorize;
  sharedOn: SharedOn;
  guests?: Guests;
  programs: Programs;
  claimedBy?: ClaimedBy | undefined;
};

/** Safe methods without an upgrade only look; everything else acts (DESIGN.md section 6). */
export function actionOf(asked: Pick<Asked, 'method' | 'isUpgrade'>): Action {
  const isSafe = asked.method === 'GET' || asked.method === 'HEAD' || asked.method === 'OPTIONS';
  return isSafe && !asked.isUpgrade ? 'view' : 'open';
}

/** What a request asks the policies: the same for a live request, a long stream and an explanation. */
export function askedOf(
  { routes, sharedOn }: { routes: Pick<Routes, 'resourceAt'>; sharedOn: SharedOn },
  asked: Asked,
  route: Route,
  principal: Principal,
): AuthorizationRequest {
  const shared = route.service && sharedOn(principal, route.service.id);
  const { method, host, decodedPath: path, query, address, isUpgrade } = asked;
  return {
    principal,
    action: actionOf(asked),
    resource: routes.resourceAt(route, path, query),
    context: { method, host, path, address, isUpgrade },
    ...(shared && { shared }),
  };
}

export function createGate(options: GateOptions): Gate {
  const { sessions, accounts, routes, decide, sharedOn, guests, programs, claimedBy } = options;
  const facts = { routes, sharedOn };

  function visitor(session: Session, principal: Principal | undefined): Visitor | null {
    return principal?.state === 'active' ? { session, principal } : null;
  }

  function verdict(asked: Asked, route: Route, principal: Principal): Verdict {
    const question = askedOf(facts, asked, route, principal);
    return { question, decision: decide(question) };
  }

  async function find(cookie: string | undefined, host: string): Promise<Visitor | null> {
    const session = await sessions.find(cookie, host);
    return session === null ? null : visitor(session, await accounts.principal(session.userId));
  }

  async function findGuest(cookie: string | undefined, { host, service }: Route): Promise<Visitor | null> {
    return service && guests ? guests.find(cookie, host) : null;
  }

  const claims = createClaims({ claimedBy, accounts, decide: verdict });

  return {
    claims,
    peek(cookie, host) {
      const session = sessions.peek(cookie, host);
      if (session === undefined || session === null) return session;
      const principal = accounts.peekPrincipal(session.userId);
      return principal === undefined ? undefined : visitor(session, principal);
    },
    find,
    peekGuest: (cookie, { host, service }) => (service && guests ? guests.peek(cookie, host) : null),
    findGuest,
    decide: verdict,
    async isStillAllowed({ cookie, authorization }, asked, route, opened) {
      const userId = opened.principal.id;
      const current = routes.find(route.host);
      if (current === undefined || current.name !== route.name) return false;
      if (isUntouched(current, { decodedPath: asked.decodedPath, authorization })) {
        const claimed = await claims.find({ ...asked, authorization }, current);
        return claimed !== 'refused' && claimed?.principal.id === userId;
      }
      const isAllowed = (found: Visitor | null): boolean => {
        if (found?.principal.id !== userId) return false;
        const { question, decision } = verdict(asked, current, found.principal);
        return decision.effect === 'allow' && !isToldWrongly(question, current, opened);
      };
      const secret = programs.secretOf(authorization, current);
      if (secret !== undefined) {
        const program = await programs.find(secret, asked, current);
        return typeof program === 'object' && isAllowed(program);
      }
      return isAllowed(await find(cookie, asked.host)) || isAllowed(await findGuest(cookie, current));
    },
  };
}

/**
 * Whether a tool goes on by groups that somebody is not in any more: it was told them once, when the stream began, and the rules ask about
 * the tool as a whole alone. What is in somebody's own part of it, or a team's, the rules judge (decision 0083).
 */
function isToldWrongly(
  { principal: now, resource }: AuthorizationRequest,
  { switches }: Route,
  { principal: before, goesOn }: Opened,
): boolean {
  if (!goesOn || resource.type !== 'Integration') return false;
  const { groups: named } = switches;
  return before.groups.some((group) => !now.groups.includes(group) && (named === undefined || named.includes(group)));
}

/** Paths of non-browser clients, and clients, that bring tokens of the upstream's own; they are forwarded without naming anyone. */
export function isUntouched(
  route: Route,
  { decodedPath, authorization }: Pick<CanonicalRequest, 'decodedPath' | 'authorization'>,
): boolean {
  if (bringsOwnToken(authorization, route.switches)) return true;
  for (const prefix of route.untouchedPrefixes) {
    if (prefix.endsWith('/') ? decodedPath.startsWith(prefix) : decodedPath === prefix) return true;
  }
  return false;
}
