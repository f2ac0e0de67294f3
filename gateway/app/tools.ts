import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type AppSettings,
  type Config,
  parseListen,
  type PublicAddress,
  publicAddress,
  readSecret,
} from '../config/index.ts';
import { createJupyterHub, type Integration, type JupyterHubOptions } from '../integrations/index.ts';
import { knotError, silentLog, systemClock } from '../lib/index.ts';
import { createSupervisor } from '../process/index.ts';
import { parseUpstream, type Route } from '../routes/index.ts';
import { caFileIn } from '../tls/index.ts';

/** Every configured tool with single sign-on; today JupyterHub. */
export async function createIntegrations(
  config: Config,
  options: Omit<JupyterHubOptions, 'config' | 'dataFolder' | 'clientSecret'>,
): Promise<Integration[]> {
  const { jupyterhub } = config.integrations;
  if (jupyterhub.mode === 'off') return [];
  const { clientSecret: secret, pythonEnvironment } = jupyterhub;
  const hub = await createJupyterHub({
    ...options,
    config: jupyterhub,
    dataFolder: config.data,
    ...(secret && { clientSecret: readSecret(secret, config.baseFolder) }),
    ...(pythonEnvironment !== undefined && { venvFolder: resolve(config.baseFolder, pythonEnvironment) }),
  });
  return [hub];
}

/**
 * A plain web application as a route. The operator wrote its address down, so it may be on this machine.
 * @throws KNOT_APP_CA_UNREADABLE
 */
export function appRoute(app: AppSettings, config: Config, address: PublicAddress): Route {
  return {
    host: address.hostOf(app.name),
    name: app.name,
    kind: 'app',
    title: app.title ?? app.name,
    audience: app.audience,
    upstream: parseUpstream(app.upstream, {
      allowLoopback: true,
      http2: app.http2,
      ...(app.ca !== undefined && { ca: readCa(absolute(config, app.ca)!) }),
    }),
    ownedPrefixes: [],
    untouchedPrefixes: [],
    switches: {
      encodedSlash: app.encodedSlash,
      doubleSlash: app.doubleSlash,
      pathParameters: app.pathParameters,
      methods: app.methods,
    },
  };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw knotError(
      'KNOT_APP_CA_UNREADABLE',
      500,
      `The file ${file} of an application's certificate authority cannot be read.`,
      {
        cause: error,
        remedy: 'Correct `ca` of the application in the configuration.',
      },
    );
  }
}

/** A path of the configuration, relative to its file. */
export function absolute(config: Config, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(config.baseFolder, path);
}

export function mailSettings(config: Config) {
  const { mail } = config;
  if (!mail) return undefined;
  return {
    server: mail.server,
    from: mail.from,
    ...(mail.password && { password: readSecret(mail.password, config.baseFolder) }),
  };
}

/** What the tracer needs, the collector's secrets among it; undefined when nothing is to be traced. */
export function tracingSettings({ tracing, baseFolder }: Config) {
  if (tracing === undefined) return undefined;
  const { endpoint, ratio, serviceName, headers } = tracing;
  const { origin, pathname } = new URL(endpoint);
  return {
    endpoint: pathname === '/' ? `${origin}/v1/traces` : endpoint,
    ratio,
    serviceName,
    headers: Object.fromEntries(headers.map(({ header, value }) => [header, readSecret(value, baseFolder)])),
  };
}

/**
 * What belongs into a tool's own configuration, without starting anything; undefined for an unknown one or one that is off.
 */
export async function describeIntegration(config: Config, name: string): Promise<string | undefined> {
  const listen = parseListen(config.listen);
  const supervisor = createSupervisor({ clock: systemClock, log: silentLog });
  const integrations = await createIntegrations(config, {
    publicAddress: publicAddress(config, listen.port),
    caFile: config.tls.cert === undefined ? caFileIn(config.data) : undefined,
    supervisor,
    listenAddress: listen,
    clock: systemClock,
    log: silentLog,
  });
  return integrations.find((tool) => tool.name === name)?.settings();
}
