import type { FastifyRequest } from 'fastify';
import type { Integration } from '../../integrations/index.ts';
import { createSlices, knotError, type Principal } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { IntegrationNameParamsSchema, type Tile, TileStoppedSchema, TilesSchema } from '../contract.ts';
import { noteDone } from '../note-done.ts';
import type { Running, StoppableTool } from '../running.ts';
import type { ShownTiles } from '../shown-tiles.ts';
import { answers, describe } from './describe.ts';

const tag = 'Me';

/** The tools of a person: what they may open, and what of theirs runs in it. */
export function tileRoutes(
  app: ApiServer,
  context: Needs<
    'publicAddress' | 'routes' | 'integrations' | 'decide' | 'demand' | 'decideOpen' | 'appStatus' | 'audit' | 'actorOf'
  >,
  { shown, running }: { shown: ShownTiles; running: Running },
): void {
  const { publicAddress, routes, integrations, decide, demand, decideOpen, appStatus } = context;

  app.get(
    '/tiles',
    describe('person', tag, 'The tools this person may open', { response: answers(200, TilesSchema) }, 'account'),
    async (request) => {
      const { principal, token } = identityOf(request);
      const ofTools = integrations()
        .filter(({ route }) => mayOpen(request, principal, route))
        .map((tool): Tile => ({
          name: tool.name,
          title: tool.title,
          url: tool.urlOf?.(principal.username) ?? tool.url,
          kind: 'integration',
          status: tool.tile(),
          ...running.of(tool, principal),
          canStop: mayStop(request, tool, principal),
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

  app.post(
    '/tiles/:name/stop',
    describe(
      'person',
      tag,
      'End what I run in a tool; answers when it has ended. What was not saved in it is lost',
      { params: IntegrationNameParamsSchema, response: answers(200, TileStoppedSchema) },
      'services',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const tool = integrations().find(({ name }) => name === request.params.name);
      if (tool === undefined || !isStoppable(tool)) throw noStop();
      demand(request, stopQuestion(tool, principal), `stop what runs in ${tool.title}`);
      await running.stop(tool, principal);
      await noteDone(context, request, { action: 'tool.stopped', subject: `tool:${tool.name}` });
      return { isRunning: running.of(tool, principal).isRunning ?? false };
    },
  );

  /** Stopping is asked of the person's own part of a tool, which is a Service in the words of the rules. */
  function stopQuestion({ route }: Integration, principal: Principal) {
    const resource = routes.resourceAt(route, `${route.ownedPrefixes[0]}${principal.username}/`);
    return { principal, action: 'stop' as const, resource };
  }

  const mayStop = (request: FastifyRequest, tool: Integration, principal: Principal): boolean =>
    isStoppable(tool) && decide(request, stopQuestion(tool, principal)).effect === 'allow';

  const mayOpen = (request: FastifyRequest, principal: Principal, route: Route): boolean =>
    decideOpen(request, principal, route).effect === 'allow';
}

const isStoppable = (tool: Integration): tool is StoppableTool =>
  tool.stopOf !== undefined && tool.route.ownedPrefixes.length > 0;

const noStop = () =>
  knotError('KNOT_API_NO_STOP', 404, 'There is no such tool in which Knot could stop something of yours.', {
    remedy: 'Stop it in the tool itself.',
  });
