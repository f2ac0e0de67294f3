import { createSlices, knotError } from '../../lib/index.ts';
import type { ApiServer, Needs } from '../context.ts';
import { PersonAccessSchema, type RouteAccess, UserParamsSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

/** What somebody may open, as the proxy would decide it now: each tool and application with the rule that says so. */
export function personAccessRoutes(
  app: ApiServer,
  context: Needs<'accounts' | 'routes' | 'publicAddress' | 'decideOpen'>,
): void {
  const { accounts, routes, publicAddress, decideOpen } = context;

  app.get(
    '/users/:idOrName/access',
    describe('admin', 'Users', 'What a user may open, and which rule decides it', {
      params: UserParamsSchema,
      response: answers(200, PersonAccessSchema),
    }),
    async (request) => {
      const { idOrName } = request.params;
      const user = (await accounts.findUser(idOrName)) ?? (await accounts.findUserByName(idOrName));
      const principal = user && (await accounts.principal(user.id));
      if (!principal) throw knotError('KNOT_API_NO_USER', 404, 'There is no such user.');
      const found: RouteAccess[] = [];
      const between = createSlices();
      for (const route of routes.list()) {
        await between();
        const { effect, rules, reason } = decideOpen(request, principal, route);
        const { name, title, kind } = route;
        found.push({
          name,
          title,
          kind,
          url: `${publicAddress.originOf(route.host)}/`,
          effect,
          reason,
          rules: [...rules],
        });
      }
      return { routes: found };
    },
  );
}
