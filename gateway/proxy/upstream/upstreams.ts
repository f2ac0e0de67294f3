import type { LimitSettings, PublicAddress } from '../../config/index.ts';
import type { Traffic } from '../../lib/index.ts';
import { type Route, type RouteChange, type Upstream, upstreamAddress } from '../../routes/index.ts';
import { type Admission, createAdmission } from './admission.ts';
import { createDial, type Dial, type DialGuard } from './dial.ts';
import type { Forwarder } from './forwarder.ts';
import { createHttp1Forwarder } from './http1-forwarder.ts';
import { createHttp2Forwarder } from './http2-forwarder.ts';
import { fieldBlock, type FieldBlock } from '../wire/field-block.ts';

/** One back end: its connections and how busy they are. Shared by all routes that lead to the same address. */
export type Backend = {
  /** Plain requests. */
  requests: Forwarder;
  /** Requests known from the start to last: event streams and uploads. */
  streams: Forwarder;
  /** For WebSockets: always HTTP/1.1. */
  dial: Dial;
  admission: Admission;
  close(): Promise<void>;
};

/** A route with all that its requests need, computed once. */
export type Target = {
  route: Route;
  backend: Backend;
  /** `jupyterhub.example.com:8443`: what the upstream sees as Host. */
  publicHost: string;
  /** `https://` + `publicHost`. */
  publicOrigin: string;
  /** Origins that mean "this application" in a Location it sends. */
  ownOrigins: readonly string[];
  /** Headers that are the same for every request of the route. */
  fixedHeaders: FieldBlock;
  /** What counts its requests, where somebody wants to know. */
  traffic: Traffic | undefined;
};

/** Asked once for each route. */
export type TrafficOf = (route: Route) => Traffic | undefined;

export type Upstreams = {
  target(route: Route): Target;
  /** Closes the connections of back ends that none of the routes asked for leads to any more. */
  follow(changes: readonly RouteChange[]): void;
  close(): Promise<void>;
};

export function createUpstreams(options: {
  publicAddress: PublicAddress;
  limits: LimitSettings;
  guard: DialGuard;
  trafficOf?: TrafficOf;
}): Upstreams {
  const { publicAddress, limits, guard, trafficOf } = options;
  const targets = new WeakMap<Route, Target>();
  /** With the hosts that were asked for and lead there. */
  const backends = new Map<string, { backend: Backend; hosts: Set<string> }>();

  function backendOf({ upstream, host }: Route): Backend {
    const key = keyOf(upstream);
    let used = backends.get(key);
    if (used === undefined) {
      used = { backend: createBackend(upstream, limits, guard), hosts: new Set() };
      backends.set(key, used);
    }
    used.hosts.add(host);
    return used.backend;
  }

  return {
    target(route) {
      let target = targets.get(route);
      if (target === undefined) {
        target = createTarget(route, backendOf(route), publicAddress, trafficOf?.(route));
        targets.set(route, target);
      }
      return target;
    },
    follow(changes) {
      for (const { host, before, after } of changes) {
        if (before === undefined) continue;
        const key = keyOf(before.upstream);
        const used = backends.get(key);
        if (used === undefined || (after !== undefined && keyOf(after.upstream) === key)) continue;
        used.hosts.delete(host);
        if (used.hosts.size > 0) continue;
        backends.delete(key);
        void used.backend.close();
      }
    },
    async close() {
      await Promise.all([...backends.values()].map(({ backend }) => backend.close()));
      backends.clear();
    },
  };
}

/** Every part is named, so that two upstreams never share a key by concatenation (catalogue U3). */
function keyOf({ protocol, hostname, port, socket, ca, allowLoopback, http2 }: Upstream): string {
  return JSON.stringify([protocol, hostname, port, socket ?? null, ca ?? null, allowLoopback, http2 === true]);
}

/** Connections to an upstream in the protocol it speaks. */
export function createForwarder(
  upstream: Upstream,
  limits: Pick<LimitSettings, 'connectMs' | 'answerHeaderBytes' | 'firstByteMs'>,
  guard: DialGuard,
  dialHttp1?: Dial,
): Forwarder {
  const isHttp2 = upstream.http2 === true;
  const dial =
    (isHttp2 ? undefined : dialHttp1) ?? createDial(upstream, guard, { connectMs: limits.connectMs, isHttp2 });
  return isHttp2
    ? createHttp2Forwarder({ origin: upstreamAddress(upstream), dial, limits })
    : createHttp1Forwarder({ dial, limits });
}

function createBackend(upstream: Upstream, limits: LimitSettings, guard: DialGuard): Backend {
  const dial = createDial(upstream, guard, { connectMs: limits.connectMs });
  const requests = createForwarder(upstream, limits, guard, dial);
  const streams = createForwarder(upstream, limits, guard, dial);
  return {
    requests,
    streams,
    dial,
    admission: createAdmission(limits),
    async close() {
      await Promise.all([requests.destroy(), streams.destroy()]);
    },
  };
}

function createTarget(
  route: Route,
  backend: Backend,
  publicAddress: PublicAddress,
  traffic: Traffic | undefined,
): Target {
  const { upstream } = route;
  const publicOrigin = publicAddress.originOf(route.host);
  const publicHost = publicOrigin.slice('https://'.length);
  const ownOrigins = [upstreamAddress(upstream), `http://${publicHost}`];
  if (upstream.port === (upstream.protocol === 'https:' ? 443 : 80)) {
    ownOrigins.push(new URL(upstreamAddress(upstream)).origin);
  }
  return {
    route,
    backend,
    publicHost,
    publicOrigin,
    ownOrigins,
    fixedHeaders: fieldBlock(fixedHeaders(route, publicAddress)),
    traffic,
  };
}

/** Under which address people ask, as alternating names and values. */
export function fixedHeaders(route: Route, publicAddress: PublicAddress): string[] {
  const publicHost = publicAddress.originOf(route.host).slice('https://'.length);
  const forwarded = ['x-forwarded-proto', 'https', 'x-forwarded-host', publicHost];
  return ['host', publicHost, ...forwarded, 'x-forwarded-port', String(publicAddress.port)];
}
