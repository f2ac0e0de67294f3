import type { Config } from '../config/index.ts';
import type { Integration } from '../integrations/index.ts';
import type { Log } from '../lib/index.ts';
import type { ClaimedBy, CredentialsOf } from '../proxy/index.ts';
import type { Route, Routes } from '../routes/index.ts';
import { appRoute } from './apps.ts';
import { type IntegrationGround, openIntegrations } from './integrations.ts';
import type { Opened } from './opened.ts';
import { createWatch, type Watch } from './watch.ts';

/** What people open: the tools with single sign-on and the plain applications, each with its route, and what is known of their state. */
export type Applications = {
  integrations: readonly Integration[];
  watch: Watch;
  /** What tools are told that are told of nobody by the gateway's own fields. */
  credentialsOf: CredentialsOf;
  /** Whom the credentials of tools' own name. */
  claimedBy: ClaimedBy;
};

/** Makes the configured tools and applications and their routes; none is started. `stop` is how a tool ends with the gateway. */
export async function openApplications(
  config: Config,
  options: {
    ground: IntegrationGround;
    routes: Pick<Routes, 'replace'>;
    /** Routes to what is no tool, at hosts of tools. */
    more: readonly Route[];
    closing: Opened['closing'];
    stop(tool: Integration): Promise<void>;
    log: Log;
  },
): Promise<Applications> {
  const { ground, routes, more, closing, stop, log } = options;
  const watch = closing(createWatch({ log }), (watching) => watching.close());
  const integrations = (await openIntegrations(config, ground)).map(watch.follow);
  closing(integrations, (tools) => Promise.all(tools.map(stop)));
  await routes.replace('integration', [...integrations.map((tool) => tool.route), ...more]);
  const plain = config.apps.filter(({ kind }) => kind === 'plain');
  const apps = plain.map((app) => ({ route: appRoute(app, config, ground.publicAddress), probe: app.probe }));
  await routes.replace(
    'app',
    apps.map(({ route }) => route),
  );
  for (const { route, probe } of apps) if (probe !== false) watch.add(route, probe === true ? '/' : probe);
  return { integrations, watch, ...askedOf(integrations) };
}

/** What the proxy asks of the tool that a route leads to. */
function askedOf(integrations: readonly Integration[]): Pick<Applications, 'credentialsOf' | 'claimedBy'> {
  const byHost = new Map(integrations.map((tool) => [tool.route.host, tool]));
  return {
    credentialsOf: (route) => byHost.get(route.host)?.credentials,
    claimedBy: (route) => byHost.get(route.host)?.claimedBy,
  };
}
