import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Accounts } from '../accounts/index.ts';
import type { PublicAddress } from '../config/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import {
  type AccessEntry,
  type Authorize,
  type CanonicalRequest,
  type Clock,
  type Log,
  newShortId,
} from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import type { Route, Routes } from '../routes/index.ts';
import type { Sessions } from '../sessions/index.ts';
import { createAssertions } from './assertion.ts';
import { type ClientRequest, type ClientResponse, isNavigation } from './answers.ts';
import { isCrossOrigin } from './cross-origin.ts';
import { Exchange, type ExchangeContext } from './exchange.ts';
import { createGate, type Visitor } from './gate.ts';
import { createHandoff, isReserved } from './handoff.ts';
import { createInFlight } from './in-flight.ts';
import { defaultLimits, type ProxyLimits } from './limits.ts';
import { crossOrigin, denied, unauthenticated } from './refusals.ts';
import { createUpstreams } from './upstreams.ts';

export type ProxyOptions = {
  routes: Pick<Routes, 'find' | 'list' | 'resourceAt' | 'onChange'>;
  sessions: Pick<Sessions, 'peek' | 'find' | 'redeemCode' | 'cookie'>;
  accounts: Pick<Accounts, 'peekPrincipal' | 'principal'>;
  decide: Authorize;
  live: Live;
  signAssertion: SigningKeys['signAssertion'];
  publicAddress: PublicAddress;
  clock: Clock;
  log: Log;
  onAccess(entry: AccessEntry): void;
  /** Ports the gateway itself listens on: no route may lead to them on loopback. */
  ownPorts?(): readonly number[];
  limits?: Partial<ProxyLimits>;
};

export type Proxy = {
  /** Everything from identity to the last byte of the answer. Never throws. */
  handle(request: ClientRequest, response: ClientResponse, canonical: CanonicalRequest, route: Route): void;
  /** An upgrade on a route host: authorize, dial, relay the upstream's answer, splice. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, canonical: CanonicalRequest, route: Route): void;
  /** Requests in flight. */
  count(): number;
  close(): Promise<void>;
};

/** Makes the forward path of every host that is not the main one. Synchronous from end to end when the caches hit. */
export function createProxy(options: ProxyOptions): Proxy {
  const { routes, sessions, live, publicAddress, clock, log, onAccess } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const gate = createGate(options);
  const inFlight = createInFlight();
  const context: ExchangeContext = { gate, live, log, limits, inFlight, onAccess };
  const guard = { ownPorts: options.ownPorts ?? (() => []) };
  const upstreams = createUpstreams({ publicAddress, limits, guard });
  const handoff = createHandoff({ sessions, publicAddress });
  const assertions = createAssertions({ issuer: publicAddress.origin, signAssertion: options.signAssertion, clock });
  const stopWatchingRoutes = routes.onChange(() => upstreams.keepOnly(routes.list()));

  function handle(request: ClientRequest, response: ClientResponse, canonical: CanonicalRequest, route: Route): void {
    const exchange = new Exchange(request, response, canonical, upstreams.target(route), context);
    if (isReserved(canonical)) return settle(exchange, handoff.answerReserved(exchange));
    if (isCrossOrigin(canonical, exchange.target)) return exchange.refuse(crossOrigin());
    if (isUntouched(route, canonical)) return exchange.forward([]);
    const visitor = gate.peek(canonical.cookie, canonical.host);
    if (visitor === undefined) return settle(exchange, lookUp(exchange));
    admit(exchange, visitor);
  }

  async function lookUp(exchange: Exchange): Promise<void> {
    admit(exchange, await gate.find(exchange.canonical.cookie, exchange.canonical.host));
  }

  function admit(exchange: Exchange, visitor: Visitor | null): void {
    if (visitor === null) return askToSignIn(exchange);
    const { canonical, target } = exchange;
    exchange.visitor = visitor;
    const verdict = gate.decide(canonical, target.route, visitor.principal);
    exchange.verdict = verdict.decision.effect;
    if (verdict.decision.effect !== 'allow') {
      const decisionId = newShortId();
      exchange.decisionId = decisionId;
      const { principal } = visitor;
      const { origin } = publicAddress;
      return exchange.refuse(denied({ principal, route: target.route, verdict, decisionId, origin }));
    }
    const identity = assertions.peek(visitor);
    if (identity !== undefined) return exchange.forward(identity);
    settle(
      exchange,
      assertions.sign(visitor).then((signed) => exchange.forward(signed)),
    );
  }

  function askToSignIn(exchange: Exchange): void {
    if (isNavigation(exchange.canonical)) return handoff.begin(exchange);
    exchange.refuse(unauthenticated(exchange.canonical.host));
  }

  /** A failure of our own (store, keys) is never a way in: the request ends with 503 (catalogue C3). */
  function settle(exchange: Exchange, work: Promise<void>): void {
    work.catch((error: unknown) => {
      log.error({ requestId: exchange.requestId, host: exchange.canonical.host, err: error }, 'request failed');
      exchange.refuse(unavailable);
    });
  }

  return {
    handle,
    upgrade: (_request, socket) => void socket.destroy(),
    count: () => inFlight.count(),
    async close() {
      stopWatchingRoutes();
      inFlight.cutAll();
      inFlight.close();
      await upstreams.close();
    },
  };
}

const unavailable = {
  status: 503,
  heading: 'Not available',
  reason: 'Knot could not find out who you are.',
  remedy: 'Try again in a moment.',
  code: 'KNOT_PROXY_UNAVAILABLE',
  reasonCode: 'gateway_failure',
  headers: { 'retry-after': '5' },
};

/** Paths of non-browser clients that bring their own tokens; they are forwarded without naming anyone. */
function isUntouched(route: Route, canonical: CanonicalRequest): boolean {
  for (const prefix of route.untouchedPrefixes) {
    const { decodedPath } = canonical;
    if (prefix.endsWith('/') ? decodedPath.startsWith(prefix) : decodedPath === prefix) return true;
  }
  return false;
}
