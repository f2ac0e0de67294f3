import type { Config } from '../../config/index.ts';
import type { ComponentHealth } from '../../lib/index.ts';
import type { Route, Upstream } from '../../routes/index.ts';
import { elsewhere } from '../elsewhere.ts';
import type { ToolGround } from '../ground.ts';
import type { Integration } from '../integration.ts';
import { endedWithOurs, type OwnSession } from '../own-session.ts';
import { createUpkeep } from '../upkeep.ts';
import { connectHarbor, type HarborLogin } from './ask.ts';
import { claimedBy } from './claimed-by.ts';
import { createChartReader, createCharts } from './charts.ts';
import { checkHarbor, olderHarbor } from './check.ts';
import { cliSecretOf, removePerson } from './cli-secret.ts';
import { imagesOf } from './images.ts';
import { findProject, provideLibrary, provideProject, retireProject } from './owner-project.ts';
import { dockerConfig, findRobotPrefix, isPullLogin, providePullRobots, pullLogin, tried } from './pull-robot.ts';
import {
  applySignIn,
  type Configurations,
  configurationsOf,
  callbackPath,
  clientId,
  pastedSettings,
  robotPrefixIn,
  signedOutPath,
  signInSettings,
  type SignInSettings,
} from './sign-in-settings.ts';

export type HarborOptions = ToolGround & {
  config: Omit<NonNullable<Config['integrations']['harbor']>, 'upstream' | 'ca'>;
  upstream: Upstream;
  /** Read from where the configuration says. */
  secrets: { client?: string | undefined; admin?: string | undefined; robot?: string | undefined };
};

/** Of Knot's health. */
const part = { name: 'harbor:sign-in', title: 'Harbor' };

/** What Harbor keeps a sign-in in, of people; programs have none. */
const ownSessions: readonly OwnSession[] = [{ cookie: 'sid', ends: 'tied' }];

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Harbor at `harbor.DOMAIN`: people sign in with Knot, and have a project each and one for each of their teams. To open it asks nobody. */
export function createHarbor(options: HarborOptions): Integration {
  const { config, upstream, secrets, publicAddress, caFile, clock, log } = options;
  const host = publicAddress.hostOf('harbor');
  const url = publicAddress.originOf(host);
  const issuer = `${publicAddress.origin}/oidc`;
  const clientSecret = options.clientSecret('harbor', secrets.client);
  const login = loginOf(options);
  const { ask, close } = connectHarbor({ upstream, login, timeoutMs: options.timeoutMs });
  const reader = createChartReader({ upstream, timeoutMs: options.timeoutMs });
  const pullLoginOf = (project: string): HarborLogin => pullLogin({ project, clientSecret, prefix, now: clock.now() });
  const watched = elsewhere({
    name: 'harbor',
    words: 'Images of containers, and charts.',
    probePath: '/api/v2.0/ping',
  });
  /** What Harbor puts before the names of robots, as it was seen last. */
  let prefix = 'robot$';

  const wantedSettings = (verifiesCertificate = true): SignInSettings =>
    signInSettings({ publicAddress, clientSecret, verifiesCertificate });

  /** Sets up how people sign in, where Knot may, and what everybody has. */
  const upkeep = createUpkeep({
    ...part,
    log,
    async setUp() {
      // First of all: by it credentials of people are told apart, whatever comes of the rest.
      const present = secrets.admin === undefined ? undefined : await configurationsOf(ask);
      prefix = (present ? robotPrefixIn(present) : await findRobotPrefix(ask)) ?? prefix;
      const verifies = present === undefined || (await setUpSignIn(present));
      await provideLibrary(ask);
      // It may have been told of the authority since, or could not reach Knot yet.
      return verifies ? { againMs: hourMs } : { againMs: minuteMs, health: unverified(caFile!) };
    },
  });

  /** Whether Harbor checks Knot's certificate from now on. */
  async function setUpSignIn(present: Configurations): Promise<boolean> {
    const verifies = await verifiesCertificate();
    const state = await applySignIn(ask, present, wantedSettings(verifies));
    if (state.wrong.length > 0) log.info({ settings: state.wrong }, 'Harbor was told how people sign in');
    return verifies;
  }

  /** Only where Knot made its certificate itself may Harbor leave it unchecked, and only when it does not know that authority. */
  async function verifiesCertificate(): Promise<boolean> {
    if (caFile === undefined) return true;
    const body = { url: issuer, verify_cert: true };
    return (await ask('POST', '/api/v2.0/system/oidc/ping', { body, also: [400] })).status === 200;
  }

  return {
    ...watched,
    name: 'harbor',
    title: config.title,
    url: `${url}/`,
    route: routeOf(host, config.title, upstream),
    ownSessions,
    client: {
      clientId,
      title: config.title,
      secret: clientSecret,
      redirectUris: [`${url}${callbackPath}`],
      postLogoutRedirectUris: [`${url}${signedOutPath}`, `${publicAddress.origin}/`],
      // CLI secrets stand on it: each time their access token is over. Who is disabled is refused here before (`claimedBy`).
      offlineDays: 365,
    },
    claimedBy: (authorization) => claimedBy(authorization, prefix),
    start() {
      if (login !== undefined) upkeep.start();
    },
    async stop() {
      await upkeep.stop();
      await Promise.all([close(), reader.close()]);
    },
    health: () => [...watched.health(), ...upkeep.health()],
    onChange: upkeep.onChange,
    ...(login !== undefined && {
      async provide(owner) {
        if (owner.isGone) {
          const project = await findProject(ask, owner.name);
          if (project)
            await providePullRobots(ask, { owner, projectId: project.project_id, clientSecret, now: clock.now() });
          await retireProject(ask, owner);
          if (owner.kind === 'user') await removePerson(ask, issuer, { id: owner.id, username: owner.name });
          return;
        }
        const { projectId } = await provideProject(ask, owner);
        const seen = await providePullRobots(ask, { owner, projectId, clientSecret, now: clock.now() });
        prefix = seen ?? prefix;
      },
    }),
    settings: () =>
      pastedSettings(wantedSettings(), {
        origin: publicAddress.origin,
        harborOrigin: url,
        ...(caFile !== undefined && { caFile }),
      }),
    ...(login !== undefined && { older: () => olderHarbor(ask) }),
    check: () =>
      checkHarbor(ask, {
        ...{ url, issuer, isAdministrator: secrets.admin !== undefined, hasLogin: login !== undefined },
        wanted: wantedSettings(),
        hasOwnAuthority: caFile !== undefined,
        now: clock.now,
      }),
    registry: {
      host: url.replace(/^https:\/\//, ''),
      pageOf: (projectId) => `${url}/harbor/projects/${projectId}/repositories`,
      imagesOf: (project) => imagesOf(ask, project),
      cliSecretOf: (person, { rotate }) => cliSecretOf(ask, issuer, person, rotate),
      chartsOf: createCharts(ask),
      fetchChart: (project, { name, digest, mostBytes }) =>
        reader.fetch(pullLoginOf(project), { repository: `${project}/${name}`, digest, mostBytes }),
      pullLoginOf: (project) => tried(ask, pullLoginOf(project)),
      isPullLogin,
      pullConfigOf: (project) => dockerConfig(url.replace(/^https:\/\//, ''), pullLoginOf(project)),
    },
  };
}

function loginOf({ config, secrets }: HarborOptions): HarborLogin | undefined {
  if (secrets.admin !== undefined) return { name: 'admin', secret: secrets.admin };
  return config.robot && secrets.robot !== undefined ? { name: config.robot.name, secret: secrets.robot } : undefined;
}

/**
 * What programs ask for with passwords of Harbor's own goes by unnamed: the registry (OCI distribution) and its token service. Everything
 * else is for people with a browser, who are signed in at Knot first.
 */
function routeOf(host: string, title: string, upstream: Upstream): Route {
  return {
    ...{ host, name: 'harbor', kind: 'integration', title, audience: 'everyone', upstream },
    ownedPrefixes: [],
    untouchedPrefixes: ['/v2', '/v2/', '/service/token'],
    // Names of repositories with a slash.
    switches: { encodedSlash: true, methods: [], ...endedWithOurs(ownSessions) },
  };
}

const unverified = (caFile: string): ComponentHealth => ({
  ...part,
  status: 'warning',
  message: 'Harbor does not know the authority of Knot’s certificate, and leaves it unchecked when people sign in.',
  remedy: `Have Harbor trust ${caFile} (caBundleSecretName of its chart), then restart Knot.`,
});
