import type { Duplex } from 'node:stream';
import type { Accounts } from '../accounts/index.ts';
import { defaultLimits, type LimitSettings, type PublicAddress } from '../config/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import {
  type AccessEntry,
  asksForPage,
  type Authorize,
  type CanonicalRequest,
  type Clock,
  type IdentifyBearer,
  type Log,
  maySignIn,
  type Resource,
  type Tracer,
} from '../lib/index.ts';
import type { Denial } from '../denials/index.ts';
import type { Live } from '../live/index.ts';
import type { Route, Routes } from '../routes/index.ts';
import type { Sessions } from '../sessions/index.ts';
import type { ClientRequest, ClientResponse, Refusal } from './message/answers.ts';
import { createAssertions, type CredentialsOf } from './judge/assertion.ts';
import { isCrossOrigin, isListedPreflight } from './judge/cross-origin.ts';
import { Exchange } from './exchange/exchange.ts';
import type { ExchangeContext } from './exchange/context.ts';
import { createFailurePages, type StateOf, type Wake, withWayOn } from './exchange/failure-pages.ts';
import { createGate, isUntouched, type SharedOn, type Verdict, type Visitor } from './judge/gate.ts';
import { createHandoff, type GuestEntry, isReserved, redirect, signInAddress } from './handoff.ts';
import { createLeads } from './judge/leads.ts';
import { createProbe, type Probe } from './upstream/probe.ts';
import type { ClaimedBy } from './judge/claims.ts';
import { createPrograms } from './judge/programs.ts';
import { refererTarget } from './sign-in/referer.ts';
import { denied, notFoundHere, notTaken, unavailable } from './message/refusals.ts';
import type { FieldBlock } from './wire/field-block.ts';
import { createSessionStreams } from './exchange/session-streams.ts';
import {
  claimRefused,
  crossOrigin,
  foreignFormNotSent,
  formNotSent,
  programRefused,
  unauthenticated,
} from './sign-in/refusals.ts';
import { createSwept } from './exchange/swept.ts';
import type { Timings } from './exchange/timings.ts';
import { tracedContext } from './exchange/traced-context.ts';
import { Tunnel } from './tunnel/tunnel.ts';
import { createWarnOnce } from './judge/warn-once.ts';
import { createUpstreams, type Target, type TrafficOf } from './upstream/upstreams.ts';

export type ProxyOptions = {
  routes: Pick<Routes, 'find' | 'list' | 'resourceAt' | 'onChange'>;
  sessions: Pick<Sessions, 'peek' | 'find' | 'redeemCode' | 'cookie' | 'kept'>;
  accounts: Pick<Accounts, 'peekPrincipal' | 'principal' | 'principalByName'>;
  decide: Authorize;
  sharedOn: SharedOn;
  /** Who is let in by a link. */
  guests?: GuestEntry;
  /** Hears of each request that a share lets through, by whom; what is repeated within a minute is one. */
  noteShareUse?(visitor: Visitor, serviceId: string, address: string): void;
  live: Live;
  signAssertion: SigningKeys['signAssertion'];
  publicAddress: PublicAddress;
  clock: Clock;
  log: Log;
  onAccess(entry: AccessEntry): void;
  /** Keeps a refusal, so that the id it returns leads to it. */
  noteDenial(denial: Omit<Denial, 'id' | 'at'>): string;
  /** Ports the gateway itself listens on: no route may lead to them on loopback. */
  ownPorts(): readonly number[];
  limits?: Partial<LimitSettings>;
  stateOf: StateOf;
  /** Without it nothing is woken. */
  wake?: Wake;
  /** Whose program shows a token, on routes that let programs in. */
  identifyBearer?: IdentifyBearer;
  /** Whom the credentials of tools' own name. */
  claimedBy?: ClaimedBy;
  /** What upstreams are told that do not know Knot. */
  credentialsOf?: CredentialsOf;
  /** What counts the requests of a route; asked once for each. */
  trafficOf?: TrafficOf;
  /** Without it, nothing is traced and the trace fields of clients are like any other. */
  tracer?: Tracer;
};

export type Proxy = {
  /** Everything from identity to the last byte of the answer. Never throws. */
  handle(request: ClientRequest, response: ClientResponse, canonical: CanonicalRequest, route: Route): void;
  /** An upgrade on a route host: authorize, dial, relay the upstream's answer, splice. Never throws. */
  upgrade(socket: Duplex, head: Buffer, canonical: CanonicalRequest, route: Route): void;
  /** Asks an application once whether it answers. */
  probe: Probe;
  /** Drops cached assertions after the signing keys changed. */
  forgetAssertions(): void;
  /** Requests and WebSockets in flight. */
  counts(): { requests: number; webSockets: number };
  /** Tells every WebSocket to come back, spread over `graceMs`. */
  drain(graceMs: number): void;
  close(): Promise<void>;
};

/** What a request and an upgrade have in common while they are judged. */
type Subject = {
  readonly canonical: CanonicalRequest;
  readonly target: Target;
  readonly requestId: string;
  readonly timings: Timings;
  visitor: Visitor | undefined;
  verdict: string;
  decisionId: string | undefined;
  refuse(refusal: Refusal): void;
  forward(identity: FieldBlock | undefined): void;
};

/** A person who is signed in, and what the policies said of them. */
type Denied = { visitor: Visitor; verdict: Verdict };

/** Makes the forward path of every host that is not the main one. Synchronous from end to end when the caches hit. */
export function createProxy(options: ProxyOptions): Proxy {
  const { routes, sessions, guests, live, publicAddress, clock, log, onAccess, tracer, noteDenial, noteShareUse } =
    options;
  const limits = { ...defaultLimits, ...options.limits };
  const programs = createPrograms(options.identifyBearer);
  const gate = createGate({ ...options, programs });
  const inFlight = createSwept<Exchange>(inFlightSweepMs, log);
  const tunnels = createSwept<Tunnel>(tunnelSweepMs(limits), log);
  const sessionStreams = createSessionStreams(limits);
  const warnOnce = createWarnOnce(log);
  const describeFailure = createFailurePages({
    ...{ origin: publicAddress.origin, stateOf: options.stateOf, wake: options.wake },
  });
  const context: ExchangeContext = {
    ...{ gate, live, log, limits, inFlight, sessionStreams, onAccess, describeFailure, warnOnce },
    notKnown: (visitor, { decodedPath, query }, route) =>
      assertions.refused(visitor, route, routes.resourceAt(route, decodedPath, query)),
  };
  const contextOf = (canonical: CanonicalRequest): ExchangeContext =>
    tracer === undefined ? context : tracedContext(context, tracer, canonical);
  const guard = { ownPorts: options.ownPorts };
  const { trafficOf } = options;
  const upstreams = createUpstreams({ publicAddress, limits, guard, ...(trafficOf && { trafficOf }) });
  const handoff = createHandoff({ sessions, publicAddress, live, ...(guests && { guests }) });
  const { signAssertion, credentialsOf } = options;
  const { identityBytes } = limits;
  const assertions = createAssertions({
    ...{ issuer: publicAddress.origin, signAssertion, credentialsOf, identityBytes, warnOnce, clock },
  });
  const leads = createLeads(clock);
  const stopWatchingRoutes = routes.onChange(upstreams.follow);

  function judge(subject: Subject): void {
    try {
      judgeNow(subject);
    } catch (error) {
      fail(subject, error);
    }
  }

  /** The order of the checks is the order of a request's life (DESIGN.md section 4). */
  function judgeNow(subject: Subject): void {
    const { canonical, target } = subject;
    if (isCrossOrigin(canonical, target)) {
      return subject.refuse(crossOrigin(target.route, target.publicOrigin, canonical.origin));
    }
    if (isUntouched(target.route, canonical)) return admitClaimed(subject, gate.claims.peek(canonical, target.route));
    const hasBody = subject instanceof Exchange && subject.hasBody;
    if (isListedPreflight(canonical, target, hasBody)) return subject.forward(undefined);
    const secret = programs.secretOf(canonical.authorization, target.route);
    if (secret !== undefined) return settle(subject, admitProgram(subject, secret));
    const visitor = gate.peek(canonical.cookie, canonical.host);
    if (visitor === undefined) return settle(subject, lookUp(subject));
    admit(subject, visitor);
  }

  /** What the upstream alone can judge goes by unnamed, unless it names somebody who may not come themselves. */
  function admitClaimed(subject: Subject, claimed: Visitor | 'refused' | null | undefined): void {
    const { canonical, target } = subject;
    if (claimed === undefined) {
      const found = gate.claims.find(canonical, target.route);
      return settle(
        subject,
        found.then((visitor) => admitClaimed(subject, visitor)),
      );
    }
    if (claimed === 'refused') return subject.refuse(claimRefused(target.route));
    if (claimed !== null && subject instanceof Exchange) subject.claimed = claimed;
    subject.forward(undefined);
  }

  async function lookUp(subject: Subject): Promise<void> {
    admit(subject, await gate.find(subject.canonical.cookie, subject.canonical.host));
  }

  /** A program that shows a token is nobody else, whatever cookies it sends. */
  async function admitProgram(subject: Subject, secret: string): Promise<void> {
    const { canonical, target } = subject;
    const found = await programs.find(secret, canonical, target.route);
    if (typeof found !== 'object') return subject.refuse(programRefused(found, target.route, publicAddress.origin));
    const verdict = decide(subject, found);
    if (verdict.decision.effect === 'allow') letThrough(subject, found, verdict);
    else refuseDenied(subject, found, verdict);
  }

  function admit(subject: Subject, visitor: Visitor | null): void {
    if (visitor === null) return admitGuest(subject, undefined);
    const verdict = decide(subject, visitor);
    if (verdict.decision.effect !== 'allow') return admitGuest(subject, { visitor, verdict });
    letThrough(subject, visitor, verdict);
  }

  /** Whom no session lets in may hold a link; who is signed in and may not keeps their own refusal where the link does not help. */
  function admitGuest(subject: Subject, denied: Denied | undefined): void {
    const { canonical, target } = subject;
    const guest = gate.peekGuest(canonical.cookie, target.route);
    const goOn = (found: Visitor | null): void => judgeGuest(subject, found, denied);
    if (guest !== undefined) goOn(guest);
    else settle(subject, gate.findGuest(canonical.cookie, target.route).then(goOn));
  }

  function judgeGuest(subject: Subject, guest: Visitor | null, denied: Denied | undefined): void {
    const verdict = guest && decide(subject, guest);
    if (guest && verdict?.decision.effect === 'allow') return letThrough(subject, guest, verdict);
    if (denied) {
      subject.visitor = denied.visitor;
      subject.verdict = denied.verdict.decision.effect;
      return refuseDenied(subject, denied.visitor, denied.verdict);
    }
    if (guest && verdict) return refuseDenied(subject, guest, verdict);
    askToSignIn(subject);
  }

  function decide(subject: Subject, visitor: Visitor): Verdict {
    subject.visitor = visitor;
    const verdict = gate.decide(subject.canonical, subject.target.route, visitor.principal);
    subject.verdict = verdict.decision.effect;
    return verdict;
  }

  function letThrough(subject: Subject, visitor: Visitor, { question }: Verdict): void {
    const { canonical, target } = subject;
    if (target.route.leads !== undefined && subject instanceof Exchange && asksForPage(canonical)) {
      const to = leads(target.route, canonical, visitor);
      if (to === null) return subject.refuse(withWayOn(notTaken(target.route), subject, publicAddress.origin));
      if (to !== undefined) return redirect(subject, to);
    }
    if (question.shared !== undefined && target.route.service)
      noteShareUse?.(visitor, target.route.service.id, canonical.address);
    const { traffic } = target;
    if (traffic !== undefined) {
      const isUse = traffic.use.noteRequest(canonical, subject.timings.startedAt);
      if (subject instanceof Exchange) subject.isUse = isUse;
      if (traffic.isHeld) return subject.refuse(describeFailure('upstream_unavailable', subject));
    }
    const identity = assertions.peek(visitor, target.route, question.resource);
    if (identity === undefined) return settle(subject, signAndForward(subject, visitor, question.resource));
    subject.forward(identity);
  }

  function refuseDenied(subject: Subject, { principal }: Visitor, verdict: Verdict): void {
    const { route } = subject.target;
    const decisionId = noteDenial({ route: route.title, request: verdict.question, decision: verdict.decision });
    subject.decisionId = decisionId;
    const { origin } = publicAddress;
    const refuse = (accountPage: string): void =>
      subject.refuse(denied({ principal, route, verdict, decisionId, origin, accountPage }));
    const accountPage = handoff.accountPage(subject);
    if (typeof accountPage === 'string') refuse(accountPage);
    else settle(subject, accountPage.then(refuse));
  }

  async function signAndForward(subject: Subject, visitor: Visitor, resource: Resource): Promise<void> {
    subject.forward(await assertions.sign(visitor, subject.target.route, resource));
  }

  function askToSignIn(subject: Subject): void {
    const { canonical, target } = subject;
    const { route } = target;
    if (!(subject instanceof Exchange) || !asksForPage(canonical))
      return subject.refuse(unauthenticated(canonical.host));
    if (maySignIn(canonical)) {
      const begun = handoff.begin(subject);
      return begun && settle(subject, begun);
    }
    if (canonical.fetchSite === 'cross-site') {
      return subject.refuse(foreignFormNotSent(route, { signIn: signInAddress('/') }));
    }
    const page = refererTarget(canonical, target);
    subject.refuse(formNotSent(route, { signIn: signInAddress(page ?? '/'), knowsPage: page !== undefined }));
  }

  function settle(subject: Subject, work: Promise<void>): void {
    work.catch((error: unknown) => fail(subject, error));
  }

  /** A failure of our own (store, keys, policy engine) is never a way in: the request ends with 503 (catalogue C3). */
  function fail(subject: Subject, error: unknown): void {
    log.error({ requestId: subject.requestId, host: subject.canonical.host, err: error }, 'request failed');
    subject.refuse(withWayOn(unavailable(), subject, publicAddress.origin));
  }

  return {
    handle(request, response, canonical, route) {
      const exchange = new Exchange(request, response, canonical, upstreams.target(route), contextOf(canonical));
      if (isReserved(canonical)) return settle(exchange, handoff.answerReserved(exchange));
      judge(exchange);
    },
    upgrade(socket, head, canonical, route) {
      const tunnel = new Tunnel(socket, head, canonical, upstreams.target(route), contextOf(canonical), tunnels);
      if (isReserved(canonical)) return tunnel.refuse(notFoundHere());
      judge(tunnel);
    },
    probe: createProbe({ publicAddress, limits, guard }),
    forgetAssertions: () => assertions.forget(),
    counts: () => ({ requests: inFlight.size, webSockets: tunnels.size }),
    drain(graceMs) {
      for (const tunnel of tunnels) {
        setTimeout(() => tunnel.end('service restart', 1012, 'restart'), Math.random() * graceMs).unref();
      }
    },
    async close() {
      stopWatchingRoutes();
      for (const tunnel of tunnels) tunnel.end('service restart', 1012, 'restart');
      for (const exchange of inFlight) exchange.cut();
      inFlight.close();
      tunnels.close();
      await upstreams.close();
    },
  };
}

/** Twice a second: that is what makes a request cheap and a long one visible. */
const inFlightSweepMs = 500;

/** A quarter of the shortest time that is watched, at least every second. */
function tunnelSweepMs({ streamIdleMs, webSocketPingMs, webSocketPongMs }: LimitSettings): number {
  const pingMs = webSocketPingMs === 0 ? Infinity : Math.min(webSocketPingMs, webSocketPongMs);
  return Math.max(10, Math.min(1_000, Math.min(streamIdleMs, pingMs) / 4));
}
