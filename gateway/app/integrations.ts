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
  createApplication,
  createArgo,
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
import { newSecret, silentLog, systemClock } from '../lib/index.ts';
import { parseUpstream } from '../routes/index.ts';
import { caFileIn } from '../tls/index.ts';
import { appRoute, readCa } from './apps.ts';
import type { Kubernetes } from './kubernetes.ts';

/** What every tool stands on: the address, the supervisor, the listener and whose files are mounted. */
export type IntegrationGround = Omit<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'> & {
  /** What tools of the cluster stand on, where there is one. */
  cluster?: Pick<Kubernetes, 'requestToken' | 'sampleNamespace'> | undefined;
};

/** Every configured tool with single sign-on. Each is made, none is started. */
export async function openIntegrations(config: Config, options: IntegrationGround): Promise<Integration[]> {
  const { jupyterhub } = config.integrations;
  if (jupyterhub.mode !== 'managed') {
    // Who managed it before may have left servers behind: of a crash, or for a restart with another configuration than this.
    void options.supervisor.endEarlierRun();
  }
  const { publicAddress, caFile, cluster, clock, log } = options;
  const clientSecret: ToolGround['clientSecret'] = (name, configured) =>
    configured ?? keepSecret(secretFile(config, name), newSecret);
  const others = toolsElsewhere(config, cluster).map(({ open }) =>
    open({ publicAddress, caFile, clientSecret, clock, log }),
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
  const address = addressOf(config);
  const caFile = config.tls.cert === undefined ? caFileIn(config.data) : undefined;
  if (name === 'jupyterhub') {
    if (config.integrations.jupyterhub.mode === 'off') return undefined;
    return describeJupyterHub({ ...hubFacts(config), publicAddress: address, caFile });
  }
  const clientSecret: ToolGround['clientSecret'] = (tool, configured) => {
    const secret = configured ?? readSecretFile(secretFile(config, tool));
    if (secret === undefined) throw noSecret(tool);
    return secret;
  };
  return toolsElsewhere(config)
    .find((tool) => tool.name === name)
    ?.open({ publicAddress: address, caFile, clientSecret, clock: systemClock, log: silentLog })
    .settings();
}

/** The tools that run elsewhere. To open one asks nobody: it reads what the configuration names. */
function toolsElsewhere(config: Config, cluster?: IntegrationGround['cluster']): ToolElsewhere[] {
  const read = (secret: SecretSource | undefined) => secret && readSecret(secret, config.baseFolder);
  const upstreamOf = ({ upstream, ca }: { upstream: string; ca?: string }) =>
    parseUpstream(upstream.toLowerCase(), {
      allowLoopback: true,
      ...(ca !== undefined && { ca: readCa(config, ca) }),
    });
  const { argo, harbor } = config.integrations;
  const tools: ToolElsewhere[] = [];
  if (argo)
    tools.push({
      name: 'argo',
      title: argo.title,
      open: (ground) =>
        createArgo({
          ...ground,
          ...cluster,
          config: argo,
          upstream: upstreamOf(argo),
          secret: read(argo.clientSecret),
          namespacePrefix: config.kubernetes.namespacePrefix,
        }),
    });
  if (harbor)
    tools.push({
      name: 'harbor',
      title: harbor.title,
      open: (ground) =>
        createHarbor({
          ...ground,
          config: harbor,
          secrets: { client: read(harbor.clientSecret), admin: read(harbor.admin), robot: read(harbor.robot?.secret) },
          caPem: harbor.ca === undefined ? undefined : readCa(config, harbor.ca),
        }),
    });
  const applications = config.apps
    .filter(({ kind }) => kind !== 'plain')
    .map((app): ToolElsewhere => ({
      name: app.name,
      title: app.title ?? app.name,
      open: (ground: ToolGround) =>
        createApplication({
          ...ground,
          app,
          route: appRoute(app, config, ground.publicAddress),
          secrets: { client: read(app.clientSecret), token: read(app.token) },
        }),
    }));
  return [...tools, ...applications];
}

type ToolElsewhere = { name: string; title: string; open(ground: ToolGround): Integration };

const secretFile = (config: Config, tool: string): string => join(config.data, 'integrations', tool, 'client-secret');

function hubFacts(config: Config): Pick<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'> {
  const { jupyterhub } = config.integrations;
  const secret = jupyterhub.clientSecret && readSecret(jupyterhub.clientSecret, config.baseFolder);
  return { config: jupyterhub, dataFolder: config.data, ...(secret && { clientSecret: secret }) };
}
