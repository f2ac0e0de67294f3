import type { PublicAddress } from '../../config/index.ts';
import type { Clock } from '../../lib/index.ts';
import type { Upstream } from '../../routes/index.ts';
import { connectTool } from '../ask.ts';
import { elsewhere } from '../elsewhere.ts';
import type { Integration } from '../integration.ts';
import { checkHub, type HubSettings, olderHub } from './check.ts';
import { createHubApi, hubTokenOf } from './hub-api.ts';
import { serviceBy, signInSettings } from './hub-config.ts';
import { describeIdentity } from './identity.ts';
import { tileWords } from './status.ts';

/** A hub that runs elsewhere: Knot forwards to it and is its OpenID Provider; nothing is started. */
export function createExternalHub(options: {
  config: { title: string };
  publicAddress: PublicAddress;
  upstream: Upstream;
  clientSecret: string;
  caFile: string | undefined;
  timeoutMs?: number | undefined;
  clock: Pick<Clock, 'now'>;
}): Integration {
  const { publicAddress, upstream, clientSecret, timeoutMs, clock } = options;
  const { title } = options.config;
  const identity = describeIdentity({ publicAddress, title, clientSecret, upstream });
  const token = hubTokenOf(clientSecret);
  const api = createHubApi({ title, upstream, token: () => token, timeoutMs });
  // As nobody, where nothing else is said; and nobody waits as long for it as for a server to stop.
  const { ask, close } = connectTool({ name: 'jupyterhub', title, upstream, timeoutMs });
  const settings: HubSettings = {
    issuer: publicAddress.issuer,
    clientId: identity.client!.clientId,
    callback: identity.client!.redirectUris[0]!,
  };
  return {
    ...identity,
    // Answers 200 without a sign-in (jupyterhub/handlers/base.py, HealthCheckHandler).
    ...elsewhere({ name: 'jupyterhub', words: tileWords, probePath: '/hub/health' }),
    stop: async () => void (await Promise.all([api.close(), close()])),
    runsFor: api.hasServer,
    stopOf: api.stopServer,
    settings: () => externalSettings(publicAddress, clientSecret, options.caFile),
    older: () => olderHub(ask),
    check: () => checkHub(ask, { settings, token, now: clock.now }),
  };
}

/** What an operator pastes into the configuration of a hub that runs elsewhere. */
export function externalSettings(
  publicAddress: PublicAddress,
  clientSecret: string,
  caFile: string | undefined,
): string {
  const trust =
    caFile === undefined
      ? ''
      : `# Knot uses a certificate of its own CA. Copy ${caFile}
# to the hub's machine and correct the path in http_request_kwargs below.
`;
  return `# For jupyterhub_config.py of the hub. Needs: pip install oauthenticator==17.4.0
# The hub must be able to reach ${publicAddress.origin}, and must be reachable from Knot only: whoever reaches it
# directly passes Knot by. Keep its own proxy from changing forwarded headers: configurable-http-proxy --no-x-forward
${trust}
${signInSettings({ publicAddress, caFile, clientSecret: JSON.stringify(clientSecret) })}
# A cookie the hub no longer accepts is refused at once by the notebook servers too.
c.Spawner.args = ["--HubOAuth.cache_max_age=1"]
${serviceBy(JSON.stringify(hubTokenOf(clientSecret)))}
`;
}
