import type { Config } from '../../config/index.ts';
import { newSecret } from '../../lib/index.ts';
import type { Route, Upstream } from '../../routes/index.ts';
import { basicOf, connectTool } from '../ask.ts';
import { elsewhere } from '../elsewhere.ts';
import type { ToolGround } from '../ground.ts';
import type { Integration } from '../integration.ts';
import { endedWithOurs, type OwnSession } from '../own-session.ts';
import { createUpkeep } from '../upkeep.ts';
import { checkGrafana, olderGrafana } from './check.ts';
import { createGrafanaContent, metricsCookie } from './content.ts';
import { createGrafanaPlaces } from './places.ts';
import { grafanaSettings, pastedSettings, printedSettings, tokenField } from './settings.ts';

export type GrafanaOptions = ToolGround & {
  config: Omit<NonNullable<Config['integrations']['grafana']>, 'upstream' | 'ca'>;
  upstream: Upstream;
  /** Read from where the configuration says. */
  secrets: { client?: string | undefined; admin?: string | undefined };
};

const hourMs = 3600 * 1000;

/** What Grafana calls its own sessions; one that is left over would outrank who Knot says it is (grafana#7080). */
const sessionCookie = 'grafana_session';

/**
 * Grafana at `grafana.DOMAIN`: people are in as themselves, see dashboards with the series of their own namespaces, and edit in a folder
 * of theirs and one for each of their teams. To open it asks nobody.
 */
export function createGrafana(options: GrafanaOptions): Integration {
  const { config, upstream, secrets, publicAddress, ownCaPem, caFile, metricsCookieOf, clock, log } = options;
  const { auth, title } = config;
  const host = publicAddress.hostOf('grafana');
  const origin = publicAddress.originOf(host);
  const url = `${origin}/`;
  const secret = auth === 'oidc' ? options.clientSecret('grafana', secrets.client) : undefined;
  const hasLogin = config.admin !== undefined && secrets.admin !== undefined;
  const { ask, close } = connectTool({
    ...{ name: 'grafana', title: 'Grafana', upstream, timeoutMs: options.timeoutMs },
    ...(hasLogin && { headers: { authorization: basicOf(config.admin!.user, secrets.admin!) } }),
  });
  const wanted = grafanaSettings({ auth, publicAddress, url, secret });
  const printed = printedSettings(wanted, { caFile });
  const ownSessions: OwnSession[] = [{ cookie: sessionCookie, ends: auth === 'jwt' ? 'withheld' : 'tied' }];
  const content = metricsCookieOf && createGrafanaContent(ask, { publicAddress, caPem: ownCaPem });
  const places = createGrafanaPlaces(ask, { makesPeople: auth === 'jwt', newPassword: newSecret });
  const watched = elsewhere({ name: 'grafana', words: 'What runs, and how much it uses.', probePath: '/api/health' });
  const upkeep = createUpkeep({
    ...{ name: 'grafana:content', title: 'Grafana', log },
    remedy: '`knot integrations check grafana` says what is wrong with it.',
    async setUp() {
      const repaired = await content!.apply();
      if (repaired.length > 0) log.info({ repaired }, 'Grafana was given what it has of Knot');
      return { againMs: hourMs };
    },
  });

  return {
    ...watched,
    name: 'grafana',
    title,
    url,
    route: {
      ...{ host, name: 'grafana', kind: 'integration', title, audience: 'everyone', upstream },
      ownedPrefixes: [],
      untouchedPrefixes: [],
      switches: switchesOf(auth, ownSessions),
    },
    ownSessions,
    ...(secret !== undefined && {
      client: {
        clientId: 'grafana',
        ...{ title, secret },
        redirectUris: [`${url}login/generic_oauth`],
        postLogoutRedirectUris: [`${url}login`, `${publicAddress.origin}/`],
      },
    }),
    ...(metricsCookieOf && {
      credentials: async (principal) => ['cookie', await metricsCookieOf(principal)],
    }),
    ...(hasLogin && { provide: places.provide }),
    start() {
      if (content && hasLogin) upkeep.start();
    },
    async stop() {
      await upkeep.stop();
      await close();
    },
    health: () => [...watched.health(), ...upkeep.health()],
    onChange: upkeep.onChange,
    settings: () => pastedSettings(printed, { caFile }),
    older: () => olderGrafana(ask, printed),
    check: () => checkGrafana(ask, { wanted, printed, content, hasLogin, now: clock.now }),
  };
}

/**
 * One thing says who asks, never a password or token of Grafana's own: with `jwt` the token in its field, from which its own sessions, which
 * would say otherwise, are kept too; with `oidc` the session it keeps of a sign-in here, as long as that lasts.
 */
function switchesOf(auth: 'jwt' | 'oidc', ownSessions: readonly OwnSession[]): Route['switches'] {
  const always = { encodedSlash: true, methods: [] };
  if (auth === 'oidc')
    return {
      ...always,
      ...endedWithOurs(ownSessions, {
        headers: ['authorization', tokenField.toLowerCase()],
        cookies: [metricsCookie],
      }),
    };
  return {
    ...always,
    identityFields: { token: tokenField.toLowerCase() },
    ...endedWithOurs(ownSessions, { headers: ['authorization'], cookies: [metricsCookie] }),
  };
}
