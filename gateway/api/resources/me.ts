import type { FastifyRequest } from 'fastify';
import type { Integration } from '../../integrations/index.ts';
import { createSlices, type Principal } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { type Me, MeSchema, type Tile, TilesSchema } from '../contract.ts';
import type { ShownTiles } from '../shown-tiles.ts';
import { answers, describe } from './describe.ts';

const tag = 'Me';
/** How long a look for running things is believed. */
const lookMs = 2000;

export function meRoutes(
  app: ApiServer,
  context: Needs<
    | 'publicAddress'
    | 'config'
    | 'version'
    | 'routes'
    | 'integrations'
    | 'decideAdminister'
    | 'decideOpen'
    | 'appStatus'
    | 'clock'
  >,
  shown: ShownTiles,
): void {
  const { publicAddress, config, version, routes, integrations, decideAdminister, decideOpen, appStatus, clock } =
    context;

  app.get(
    '/me',
    describe('person', tag, 'Who is signed in', { response: answers(200, MeSchema) }, 'account'),
    async (request): Promise<Me> => {
      const { principal, session } = identityOf(request);
      const { id, username, email, isAdmin, teams, groups } = principal;
      return {
        user: { id, username, email, isAdmin, teams: [...teams], groups: [...groups] },
        session: { id: session.centralId, startedAt: session.startedAt, expiresAt: session.expiresAt },
        domain: publicAddress.domain,
        canAdminister: decideAdminister(request, principal).effect === 'allow',
        minimumPasswordLength: config.login.minimumPasswordLength,
        version,
      };
    },
  );

  app.get(
    '/tiles',
    describe('person', tag, 'The tools this person may open', { response: answers(200, TilesSchema) }, 'account'),
    async (request) => {
      const { principal, token } = identityOf(request);
      const tools = integrations();
      const ofTools = tools
        .filter(({ route }) => mayOpen(request, principal, route))
        .map((tool): Tile => ({
          name: tool.name,
          title: tool.title,
          url: tool.url,
          kind: 'integration',
          status: tool.tile(),
          ...runningOf(tool, principal),
        }));
      const ofApps: Tile[] = [];
      const between = createSlices();
      for (const route of routes.list()) {
        if (route.kind !== 'app') continue;
        await between();
        if (!mayOpen(request, principal, route)) continue;
        const url = `${publicAddress.originOf(route.host)}/`;
        ofApps.push({ name: route.name, title: route.title, url, kind: 'app', status: appStatus(route) });
      }
      const tiles = [...ofTools, ...ofApps];
      if (token === undefined)
        shown.note(
          principal.id,
          tiles.map(({ name }) => name),
        );
      return { tiles };
    },
  );

  /** Whose things run in a tool is found by looking through processes, so it is looked up once for many people who ask. */
  const looks = new WeakMap<Integration, { people: ReadonlySet<string>; at: number }>();

  function runningOf(
    tool: Integration,
    { username, teams }: Principal,
  ): Pick<Tile, 'isRunning' | 'keepsTeams' | 'manageUrl'> {
    if (tool.people === undefined) return {};
    const now = clock.now();
    let look = looks.get(tool);
    if (look === undefined || now - look.at > lookMs) {
      look = { people: new Set(tool.people()), at: now };
      looks.set(tool, look);
    }
    const isRunning = look.people.has(username);
    const own = new Set(teams.map(({ name }) => name));
    const kept = isRunning ? (tool.teamsOf?.(username) ?? []).filter((team) => !own.has(team)) : [];
    return {
      isRunning,
      ...(kept.length > 0 && { keepsTeams: kept }),
      ...(tool.manageUrl === undefined ? {} : { manageUrl: tool.manageUrl }),
    };
  }

  const mayOpen = (request: FastifyRequest, principal: Principal, route: Route): boolean =>
    decideOpen(request, principal, route).effect === 'allow';
}
