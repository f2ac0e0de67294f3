/**
 * app: the table of contents. Every module of the house is made here, by hand and in the order of the ranks; what one needs of
 * a peer is handed over as a function. Commands use `openFacts` alone.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { davMethods } from './api/index.ts';
import { createAllowances } from './app/allowances.ts';
import { openListenersBeside } from './app/beside.ts';
import { recordCuts } from './app/cuts.ts';
import { makeOwnPackage } from './app/data-folder.ts';
import { openFacts } from './app/facts.ts';
import { createFilesOf } from './app/files-of.ts';
import { openPeoplesFiles } from './app/files.ts';
import { openForwardPath } from './app/forward.ts';
import { createDockerLogins } from './app/docker-logins.ts';
import { createHealth } from './app/health.ts';
import { knownHosts } from './app/known-hosts.ts';
import { createIdentify, createIdentifyBearer, createIdentifyToken } from './app/identify.ts';
import { openApplications } from './app/applications.ts';
import { openToolPlaces } from './app/tool-places.ts';
import { type RunTelling, tellOfRun } from './app/run-record.ts';
import { openMainHost } from './app/main-host.ts';
import { mailSettings } from './app/mail-settings.ts';
import { createOpened } from './app/opened.ts';
import { tellPreparing } from './app/preparing.ts';
import { openProvider } from './app/provider.ts';
import { endWithRights } from './app/rights.ts';
import { endSharesOfServices, endWithShares, lookAtShared } from './app/share-rights.ts';
import { createSeen } from './app/seen.ts';
import { openCatalogue, openOutputs, openServices, startServices } from './app/services.ts';
import { listenOn } from './app/listen.ts';
import { followPolicies } from './app/policies.ts';
import { announce } from './app/announce.ts';
import { outboundOfNotebooks } from './app/outbound.ts';
import { notebooksReach } from './app/reach.ts';
import { absolute, type LoadedConfig, parseListen, publicAddress } from './config/index.ts';
import type { Integration } from './integrations/index.ts';
import { createSigningKeys } from './keys/index.ts';
import { systemClock } from './lib/index.ts';
import { createLive } from './live/index.ts';
import { createMail } from './mail/index.ts';
import { createLog, type ProcessLog } from './ops/index.ts';
import { createSupervisor } from './process/index.ts';
import { createEdge } from './proxy/index.ts';
import { lockDataFolder } from './store/index.ts';
import { createCertificates } from './tls/index.ts';

export type App = {
  log: ProcessLog;
  /** Opens everything and resolves when requests are answered; what was opened is closed again when a step fails. */
  start(): Promise<void>;
  /** Lets answers finish, ends every child, frees the data folder. `handsOver`: what people run in tools stays for the next run. */
  close(options?: { handsOver?: boolean }): Promise<void>;
  /** People with something running in a tool that ends when the gateway stops: usernames. */
  people(): string[];
  /** Why their work would not survive a restart now; undefined when it would. */
  endsOnRestart(): string | undefined;
  /** Tells those who asked for a restart that it does not happen. */
  refuseRestart(reason: string): void;
};

/** Builds the gateway of a configuration. `startedAt` (epoch milliseconds) is when the process began, for the ready line. */
export function createApp(loaded: LoadedConfig, { startedAt }: { startedAt: number }): App {
  const { config } = loaded;
  const clock = systemClock;
  const log = createLog(config.log);
  const { closing, close: closeOpened } = createOpened(log);
  let tools: readonly Integration[] = [];
  let telling: RunTelling | undefined;
  let handsOver = false;

  async function close(options: { handsOver?: boolean } = {}): Promise<void> {
    handsOver = options.handsOver ?? false;
    await closeOpened();
  }

  async function open(): Promise<void> {
    // The ground: data folder, store and facts, keys.
    const folder = closing(lockDataFolder(config.data, log), (lock) => lock.release());
    makeOwnPackage(config.data);
    telling = tellOfRun(config.data, startedAt);
    const facts = closing(await openFacts(config, { clock, log }), (ground) => ground.close());
    const { store, audit, accounts, owners, plans, shares, tokens, sessions, routes } = facts;
    const policy = closing(await followPolicies(config, { audit, store, clock, log }), (policies) => policies.close());
    const rotationDays = config.oidc.keyRotationDays;
    const keys = closing(await createSigningKeys({ store, clock, rotationDays, log }), (signing) => signing.close());
    const live = createLive({ log, onCut: recordCuts(audit, log) });
    const mail = createMail({ settings: mailSettings(config), log });
    const outputs = closing(openOutputs(config, { clock, log }), (kept) => kept.close());
    const stateFolder = join(config.data, 'process');
    const supervisor = closing(createSupervisor({ clock, log, stateFolder }), (children) =>
      handsOver ? children.handOver() : children.stopAll(),
    );
    const certificates = closing(
      await createCertificates({
        config: { cert: absolute(config, config.tls.cert), key: absolute(config, config.tls.key) },
        domain: config.domain,
        appsDomain: config.appsDomain,
        dataFolder: config.data,
        clock,
        log,
        isKnownHost: knownHosts(config, routes),
      }),
      (certificate) => certificate.close(),
    );

    // What is seen of every request.
    const seen = await createSeen(config, {
      folder,
      store,
      policy,
      liveStreams: live.count,
      sessions: sessions.count,
      clock,
      log,
    });
    closing(seen, (sight) => sight.close());

    // The listener comes before whoever needs a public address, because every address holds its port.
    const { trustedProxies, limits } = config;
    const edge = createEdge({
      certificates,
      routes,
      publicAddress: config,
      trustedProxies,
      extraMethods: davMethods,
      limits,
      log,
      onAccess: seen.onAccess,
    });
    closing(edge, (listener) => listener.close(limits.drainMs));
    const listen = parseListen(config.listen);
    const port = await listenOn(edge.server, listen, log);
    const address = publicAddress(config, port);
    await routes.move('service', address.hostOfService);

    // Files come before the tools that mount them.
    const files = openPeoplesFiles(config, { store, allowanceOf: createAllowances({ accounts, plans }), clock, log });
    closing(files, (opened) => opened?.close());
    if (files) lookAtShared({ shares, files });

    // The cluster, where there is one; its modules are loaded only then.
    const cluster =
      config.engine === 'kubernetes'
        ? await (
            await import('./app/kubernetes.ts')
          ).openKubernetes(config, { facts, policy, files, routes, publicAddress: address, clock, log })
        : undefined;
    closing(cluster, (opened) => opened?.close());

    // What people ask Prometheus, where there is one; reading queries is loaded only then.
    const asked = config.integrations.prometheus && (await import('./app/metrics.ts'));
    const measured = asked?.openMetrics(config, { facts, keys, publicAddress: address, clock, log });
    closing(measured, (opened) => opened?.close());

    // The tools and applications, and where they are reached.
    const { integrations, watch, credentialsOf, claimedBy } = await openApplications(config, {
      ground: {
        publicAddress: address,
        caFile: certificates.caFile(),
        ownCaPem: certificates.caPem(),
        metricsCookieOf: measured?.cookieFor,
        supervisor,
        listenAddress: { host: listen.host, port },
        ...(files && {
          filesOf: createFilesOf({ files, accounts, owners, policy, dataFolder: config.data, domain: config.domain }),
        }),
        wayOut: outboundOfNotebooks(config, { accounts, policy, log }),
        cluster,
        clock,
        log,
      },
      routes,
      more: cluster?.access ? [cluster.access.route] : [],
      closing,
      stop: (tool) => tool.stop({ handsOver }),
      log,
    });
    tools = integrations;
    const registry = integrations.find((tool) => tool.registry !== undefined)?.registry;
    if (registry) cluster?.keepPullSecrets(registry);
    const dockerLogins = closing(
      registry && files && createDockerLogins({ files, registry, accounts, audit, log }),
      (logins) => logins?.close(),
    );
    const toolPlaces = closing(openToolPlaces(integrations, { facts, clock, log }), (places) => places.close());

    // What people launch themselves.
    const catalogue = openCatalogue(config, { clock, log, registry, ...(files && { own: { files, owners, policy } }) });
    const services =
      files &&
      openServices(config, {
        facts,
        policy,
        files,
        catalogue,
        supervisor,
        outputs,
        publicAddress: address,
        cluster: await cluster?.services({ outputs, publicAddress: address, files, registry }),
        clock,
        log,
      });
    closing(services, (running) => running?.close());

    // The flows.
    const identify = createIdentify(sessions, accounts);
    const parts = { facts, policy, keys, live, integrations, identify, publicAddress: address, clock, log };
    const oidc = closing(await openProvider(config, { ...parts, certificates, toolPlaces }), (provider) =>
      provider.close(),
    );
    const identifyBearer = createIdentifyBearer(createIdentifyToken(tokens, accounts), oidc.identifyAccess);
    const ownPorts = [port];
    const proxy = openForwardPath(config, {
      ...{ ...parts, seen, services, watch, claimedBy, credentialsOf, identifyBearer },
      clusterCredentialsOf: cluster?.access?.credentialsOf,
      ownPorts: () => ownPorts,
    });
    closing(proxy, (forwarder) => forwarder.close());
    endWithRights({ store, sessions, accounts, policy, tokens, routes, keys, live, proxy });

    endWithShares({ shares, accounts, live, log });
    if (services) endSharesOfServices({ store, services, shares, log });
    await shares.load();

    // The main host.
    const reach = notebooksReach(config);
    const health = createHealth({
      names: config,
      folder,
      store,
      policy,
      certificates,
      files,
      services,
      cluster,
      prometheus: measured,
      integrations,
      toolPlaces,
      watch,
      reach,
    });
    const main = await openMainHost(config, {
      ...{ ...parts, seen, mail, files, catalogue, services, cluster, metrics: measured, dockerLogins },
      ...{ oidc, identifyBearer, certificates, watch, health },
    });
    closing(main, ({ server }) => server.close());
    edge.open({ proxy, main: main.server.routing, mainUpgrade: main.sockets.upgrade });

    // The other listeners, then the work that goes on in the background.
    const ops = await openListenersBeside(config, { seen, cluster, health, publicAddress: address, closing, log });
    ownPorts.push(ops.port);
    // Undone first: answers finish while everything behind them still runs.
    closing(edge, (listener) => listener.close(limits.drainMs));
    closing(limits, ({ drainDelayMs }) => delay(drainDelayMs));
    closing(main, ({ sockets }) => sockets.announceClose());
    closing(edge, (listener) => listener.announceClose());
    closing(seen, ({ readiness }) => readiness.drain());
    closing(tellPreparing(integrations, { clock, log }), (telling) => telling.close());
    for (const tool of integrations) tool.start();
    cluster?.start();
    measured?.start();
    toolPlaces.start();
    dockerLogins?.start();
    if (services) startServices(services, { supervisor, accounts, store, log });
    telling.ready(address.origin);
    watch.start(proxy.probe);
    await announce({
      loaded,
      log,
      ops,
      certificates,
      health,
      address,
      setupLink: await facts.newSetupLink(address),
      startedAt,
    });
  }

  return {
    log,
    async start() {
      try {
        await open();
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
    people: () => [...new Set(tools.flatMap((tool) => tool.people?.() ?? []))].sort(),
    endsOnRestart: () => tools.map((tool) => tool.endsOnRestart?.()).find((reason) => reason !== undefined),
    refuseRestart: (reason) => telling?.refused(reason),
  };
}
