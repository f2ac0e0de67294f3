import type { FastifyRequest } from 'fastify';
import { createSlices, type Principal } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import { type ApiContext, type ApiServer, identityOf } from '../context.ts';
import { type Me, MeSchema, type Tile, TilesSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Me';

export function meRoutes(app: ApiServer, context: ApiContext): void {
  const { publicAddress, config, version, routes, integrations, decideAdminister, decideOpen, appStatus } = context;

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
      const { principal } = identityOf(request);
      const tools = integrations();
      const ofTools = tools
        .filter(({ route }) => mayOpen(request, principal, route))
        .map((tool): Tile => ({
          name: tool.name,
          title: tool.title,
          url: tool.url,
          kind: 'integration',
          status: tool.tile(),
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
      return { tiles: [...ofTools, ...ofApps] };
    },
  );

  const mayOpen = (request: FastifyRequest, principal: Principal, route: Route): boolean =>
    decideOpen(request, principal, route).effect === 'allow';
}
