import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type LimitSettings, publicAddress } from '../../gateway/config/index.ts';
import { createSigningKeys } from '../../gateway/keys/index.ts';
import {
  type AccessEntry,
  type Authorize,
  type Clock,
  hashSecret,
  type Log,
  newSecret,
  silentLog,
  systemClock,
  type Tracer,
} from '../../gateway/lib/index.ts';
import { createLive } from '../../gateway/live/index.ts';
import { createEdge, createProxy, type ProxyOptions } from '../../gateway/proxy/index.ts';
import type { Route } from '../../gateway/routes/index.ts';
import { createCertificates } from '../../gateway/tls/index.ts';
import { createIdentifyToken } from '../../gateway/app/identify.ts';
import { endWithRights } from '../../gateway/app/rights.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { type ByteRecorder, startByteRecorder } from '../support/net/byte-recorder.ts';
import type { RawTarget } from '../support/net/raw-client.ts';
import { started } from '../support/house/redeemed.ts';

export type Gateway = Awaited<ReturnType<typeof openGateway>>;

export type GatewayOptions = {
  limits?: Partial<LimitSettings>;
  /** What is known of an application; nothing by default. */
  stateOf?: ProxyOptions['stateOf'];
  wake?: ProxyOptions['wake'];
  credentialsOf?: ProxyOptions['credentialsOf'];
  guests?: ProxyOptions['guests'];
  trustedProxies?: string[];
  decide?: Authorize;
  /** Changes the route of `echo.localhost`; the second route, `open.localhost`, accepts every oddity. */
  route?: (route: Route) => Route;
  ownPorts?: () => number[];
  /** A second domain, for services. */
  appsDomain?: string;
  tracer?: Tracer;
  log?: Log;
  clock?: Clock;
  trafficOf?: ProxyOptions['trafficOf'];
  /** Called when the port is known and nothing could answer yet. */
  whileStarting?: (raw: RawTarget) => unknown;
};

const permit: Authorize = () => ({ effect: 'allow', rules: [], policyVersion: 'test', reason: 'permit' });

/**
 * Edge and proxy over the real store, sessions, accounts, routes, keys and certificates, with a byte recorder as the upstream.
 * Only the verdict is given, because what a policy says is not what is tested here.
 */
export async function openGateway(t: Test, options: GatewayOptions = {}) {
  const { appsDomain } = options;
  const names = { domain: 'localhost', ...(appsDomain !== undefined && { appsDomain }) };
  const folder = mkdtempSync(join(tmpdir(), 'knot-proxy-'));
  const { clock = systemClock } = options;
  const log = options.log ?? silentLog;
  const facts = await openTestFacts(t, { clock, log });
  const { store, accounts, sessions, routes, denials } = facts;
  const keys = await createSigningKeys({ store, clock, rotationDays: 90, log });
  const cuts: { host: string; username: string; reason: string }[] = [];
  const live = createLive({ log, onCut: ({ host, username }, reason) => void cuts.push({ host, username, reason }) });
  const certificates = await createCertificates({
    config: {},
    ...names,
    dataFolder: folder,
    clock,
    log,
    isKnownHost: (host) => routes.find(host) !== undefined,
  });
  const recorder: ByteRecorder = await startByteRecorder();

  const route = (name: string, port: number): Route => ({
    host: `${name}.localhost`,
    name,
    kind: 'app',
    title: name,
    audience: 'everyone',
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port, allowLoopback: true },
    ownedPrefixes: [],
    untouchedPrefixes: ['/tokens/'],
    switches: { encodedSlash: false, methods: [] },
  });
  const setRoutes = (...list: Route[]) => routes.replace('app', list);
  const echo = (options.route ?? ((same: Route) => same))(route('echo', recorder.port));
  const open: Route = {
    ...route('open', recorder.port),
    switches: { encodedSlash: true, methods: ['PROPFIND', 'REPORT'], doubleSlash: true, pathParameters: true },
  };
  await setRoutes(echo, open);

  const entries: AccessEntry[] = [];
  const onAccess = (entry: AccessEntry): void => void entries.push(entry);
  const limits = options.limits ?? {};
  const trustedProxies = options.trustedProxies ?? [];
  const edge = createEdge({
    certificates,
    routes,
    publicAddress: names,
    trustedProxies,
    log,
    onAccess,
    limits,
  });
  await new Promise<void>((resolve) => edge.server.listen(0, '127.0.0.1', resolve));
  const { port } = edge.server.address() as AddressInfo;
  const raw: RawTarget = { port, ca: certificates.caPem()! };
  await options.whileStarting?.(raw);
  const address = publicAddress(names, port);
  let decide = options.decide ?? permit;
  const proxy = createProxy({
    sharedOn: () => undefined,
    routes,
    sessions,
    accounts,
    decide: (request) => decide(request),
    live,
    signAssertion: keys.signAssertion,
    publicAddress: address,
    clock,
    log,
    onAccess,
    limits,
    noteDenial: denials.note,
    stateOf: options.stateOf ?? (() => undefined),
    ownPorts: options.ownPorts ?? (() => [port]),
    ...(options.wake === undefined ? {} : { wake: options.wake }),
    ...(options.credentialsOf === undefined ? {} : { credentialsOf: options.credentialsOf }),
    identifyBearer: createIdentifyToken(facts.tokens, accounts),
    ...(options.guests === undefined ? {} : { guests: options.guests }),
    ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
    ...(options.trafficOf === undefined ? {} : { trafficOf: options.trafficOf }),
  });
  edge.open({
    proxy,
    main(request, response) {
      entries.push({ path: request.url, route: 'main' } as AccessEntry);
      response.end('main');
    },
  });
  endWithRights({ ...facts, policy: { onReload: () => () => undefined }, keys, live, proxy });

  const admin = { name: 'test' };
  const user = await accounts.createUser({ username: 'ann', email: 'ann@example.org', state: 'active' }, admin);

  /** Signs ann in on a host; returns the Cookie value and the id of the central session. */
  async function signIn(host = 'echo.localhost'): Promise<{ cookie: string; sessionId: string }> {
    const { session } = (await sessions.start({ user, device: 'test', address: '127.0.0.1' }))!;
    const binding = hashSecret(newSecret());
    const code = await sessions.issueCode(session, { host, binding, next: '/' });
    const redeemed = await sessions.redeemCode(code, {
      host,
      bindings: [binding],
      isInUse: live.isInUse,
      device: 'test',
      address: '127.0.0.1',
    });
    return { cookie: `__Host-knot=${started(redeemed).secret}`, sessionId: session.id };
  }

  t.teardown(async () => {
    await proxy.close();
    await edge.close();
    recorder.close();
    await certificates.close();
    await keys.close();
    await sessions.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    port,
    raw,
    recorder,
    entries,
    signIn,
    user,
    accounts,
    tokens: facts.tokens,
    sessions,
    routes,
    setRoutes,
    echo,
    open,
    live,
    cuts,
    proxy,
    edge,
    address,
    decideWith: (next: Authorize) => void (decide = next),
  };
}
