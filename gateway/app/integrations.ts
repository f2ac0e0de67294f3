import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type Config,
  parseListen,
  type PublicAddress,
  publicAddress,
  readSecret,
  type SecretSource,
} from '../config/index.ts';
import {
  checkJupyterHub,
  createApplication,
  createArgo,
  createGrafana,
  createHarbor,
  describeJupyterHub,
  type Integration,
  type JupyterHubOptions,
  keepSecret,
  noSecret,
  openJupyterHub,
  readSecretFile,
  type ToolGround,
} from '../integrations/index.ts';
import { type ComponentHealth, newSecret, silentLog, systemClock } from '../lib/index.ts';
import { parseUpstream } from '../routes/index.ts';
import { caFileIn } from '../tls/index.ts';
import { appRoute, readCa } from './apps.ts';
import type { ToolsOfCluster } from './kubernetes.ts';

/** What every tool stands on: the address, the supervisor, the listener and whose files are mounted. */
export type IntegrationGround = Omit<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'> &
  Pick<ToolGround, 'ownCaPem' | 'metricsCookieOf' | 'timeoutMs'> & {
    /** What tools of the cluster stand on, where there is one. */
    cluster?: ToolsOfCluster | undefined;
  };

/** Every configured tool with single sign-on. Each is made, none is started. */
export async function openIntegrations(config: Config, options: IntegrationGround): Promise<Integration[]> {
  const { jupyterhub } = config.integrations;
  if (jupyterhub.mode !== 'managed') {
    // Who managed it before may have left servers behind: of a crash, or for a restart with another configuration than this.
    void options.supervisor.endEarlierRun();
  }
  const { publicAddress, caFile, ownCaPem, metricsCookieOf, timeoutMs, cluster, clock, log } = options;
  const clientSecret: ToolGround['clientSecret'] = (name, configured) =>
    configured ?? keepSecret(secretFile(config, name), newSecret);
  const others = toolsElsewhere(config, cluster).map(({ open }) =>
    open({ publicAddress, caFile, ownCaPem, metricsCookieOf, clientSecret, timeoutMs, clock, log }),
  );
  if (jupyterhub.mode === 'off') return others;
  const { pythonEnvironment } = jupyterhub;
  const hub = await openJupyterHub({
    ...options,
    ...hubFacts(config),
    ...(pythonEnvironment !== undefined && { venvFolder: resolve(config.baseFolder, pythonEnvironment) }),
  });
  return [hub, ...others];
}

/** The tools of a configuration, in the order of their tiles. Asks nobody. */
export function integrationNames(config: Config): ListedIntegration[] {
  const { jupyterhub } = config.integrations;
  const address = addressOf(config);
  const others = toolsElsewhere(config);
  const tools = jupyterhub.mode === 'off' ? others : [{ name: 'jupyterhub', title: jupyterhub.title }, ...others];
  return tools.map(({ name, title }) => ({ name, title, address: address.originOf(address.hostOf(name)) }));
}

export type ListedIntegration = { name: string; title: string; address: string };

const addressOf = (config: Config): PublicAddress => publicAddress(config, parseListen(config.listen).port);

/**
 * What belongs into a tool's own configuration; undefined for an unknown one or one that is off. Only reads: whoever asks starts,
 * probes and writes nothing.
 * @throws KNOT_INTEGRATIONS_NO_SECRET, KNOT_INTEGRATIONS_SECRET_UNUSABLE
 */
export function describeIntegration(config: Config, name: string): string | undefined {
  if (name !== 'jupyterhub') return openToAsk(config, name)?.settings();
  if (config.integrations.jupyterhub.mode === 'off') return undefined;
  return describeJupyterHub(hubBeside(config));
}

/**
 * Asks a running tool whether it is set up as Knot needs it, from this machine; changes nothing. Undefined for an unknown one; a tool that
 * has no such questions answers with none.
 */
export async function checkIntegration(config: Config, name: string): Promise<ComponentHealth[] | undefined> {
  if (name === 'jupyterhub')
    return config.integrations.jupyterhub.mode === 'off' ? undefined : checkJupyterHub(hubBeside(config));
  // What asks the cluster is loaded only for who needs it.
  const needsCluster = name === 'argo' && config.engine === 'kubernetes';
  const cluster = needsCluster ? await (await import('./kubernetes.ts')).tokensBeside(config) : undefined;
  try {
    const tool = openToAsk(config, name, cluster);
    if (tool === undefined) return undefined;
    try {
      return (await tool.check?.()) ?? [];
    } finally {
      await tool.stop();
    }
  } finally {
    await cluster?.close();
  }
}

const caFileOf = (config: Config): string | undefined =>
  config.tls.cert === undefined ? caFileIn(config.data) : undefined;

/** A tool that runs elsewhere, beside a gateway that may run. */
function openToAsk(config: Config, name: string, cluster?: IntegrationGround['cluster']): Integration | undefined {
  const caFile = caFileOf(config);
  const clientSecret: ToolGround['clientSecret'] = (tool, configured) => {
    const secret = configured ?? readSecretFile(secretFile(config, tool));
    if (secret === undefined) throw noSecret(tool);
    return secret;
  };
  return toolsElsewhere(config, cluster)
    .find((tool) => tool.name === name)
    ?.open({
      ...{ publicAddress: addressOf(config), caFile, clientSecret, clock: systemClock, log: silentLog },
      ownCaPem: caFile !== undefined && existsSync(caFile) ? readFileSync(caFile, 'utf8') : undefined,
      // Nothing is asked of Prometheus here, but whether Grafana is to ask it.
      metricsCookieOf: config.integrations.prometheus && (async () => ''),
    });
}

/** The tools that run elsewhere, in the order of their tiles. To open one asks nobody: it reads what the configuration names. */
function toolsElsewhere(config: Config, cluster?: IntegrationGround['cluster']): ToolElsewhere[] {
  const read = (secret: SecretSource | undefined) => secret && readSecret(secret, config.baseFolder);
  const upstreamOf = ({ upstream, ca }: { upstream: string; ca?: string }) =>
    parseUpstream(upstream, { allowLoopback: true, ...(ca !== undefined && { ca: readCa(config, ca) }) });
  const { argo, harbor, grafana } = config.integrations;
  const tools: (ToolElsewhere | undefined)[] = [
    argo && {
      name: 'argo',
      title: argo.title,
      open(ground) {
        const secret = read(argo.clientSecret);
        const { namespacePrefix } = config.kubernetes;
        const upstream = upstreamOf(argo);
        return createArgo({ ...ground, ...cluster, config: argo, upstream, secret, namespacePrefix });
      },
    },
    harbor && {
      name: 'harbor',
      title: harbor.title,
      open(ground) {
        const { clientSecret, admin, robot } = harbor;
        const secrets = { client: read(clientSecret), admin: read(admin), robot: read(robot?.secret) };
        return createHarbor({ ...ground, config: harbor, upstream: upstreamOf(harbor), secrets });
      },
    },
    grafana && {
      name: 'grafana',
      title: grafana.title,
      open(ground) {
        const secrets = { client: read(grafana.clientSecret), admin: read(grafana.admin?.password) };
        return createGrafana({ ...ground, config: grafana, upstream: upstreamOf(grafana), secrets });
      },
    },
    ...config.apps
      .filter(({ kind }) => kind !== 'plain')
      .map((app) => ({
        name: app.name,
        title: app.title ?? app.name,
        open(ground: ToolGround) {
          const secrets = { client: read(app.clientSecret), token: read(app.token) };
          return createApplication({ ...ground, app, route: appRoute(app, config, ground.publicAddress), secrets });
        },
      })),
  ];
  return tools.filter((tool) => tool !== undefined);
}

type ToolElsewhere = { name: string; title: string; open(ground: ToolGround): Integration };

const secretFile = (config: Config, tool: string): string => join(config.data, 'integrations', tool, 'client-secret');

/** The hub, beside a gateway that may run. */
const hubBeside = (config: Config) => ({
  ...hubFacts(config),
  ...{ publicAddress: addressOf(config), caFile: caFileOf(config), clock: systemClock },
});

function hubFacts(config: Config): Pick<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret' | 'upstreamCa'> {
  const { jupyterhub } = config.integrations;
  const secret = jupyterhub.clientSecret && readSecret(jupyterhub.clientSecret, config.baseFolder);
  return {
    config: jupyterhub,
    dataFolder: config.data,
    ...(secret && { clientSecret: secret }),
    ...(jupyterhub.ca !== undefined && { upstreamCa: readCa(config, jupyterhub.ca) }),
  };
}
