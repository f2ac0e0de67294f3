import type { FastifyRequest } from 'fastify';
import type { MembershipUndo } from '../../accounts/index.ts';
import { knotError } from '../../lib/index.ts';
import { namespaceResource } from '../../owners/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import {
  IdParamsSchema,
  MemberPageSchema,
  MemberParamsSchema,
  MemberQuerySchema,
  type MembershipChange,
  MembershipChangeSchema,
  MembershipSchema,
  NewTeamSchema,
  type Team,
  TeamPageSchema,
  TeamParamsSchema,
  TeamQuerySchema,
  TeamSchema,
} from '../contract.ts';
import { pageOf } from '../lists.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Teams';

/** Teams are made and deleted by admins; their managers decide who is in them, and everybody may leave. */
export function teamRoutes(
  app: ApiServer,
  context: Needs<'accounts' | 'actorOf' | 'decide' | 'decideAdminister' | 'demand'>,
): void {
  const { accounts, actorOf, decide, decideAdminister, demand } = context;

  /** The team, for whom the policies let see it, and for admins; whom a team is nothing to is told that there is none. */
  async function find(request: FastifyRequest, idOrName: string): Promise<Team> {
    const { principal } = identityOf(request);
    const team = await accounts.teamSummary(idOrName);
    if (!team) throw noSuchTeam();
    if (decideAdminister(request, principal).effect === 'allow') return team;
    const resource = namespaceResource({ kind: 'team', ...team });
    if (decide(request, { principal, action: 'see', resource }).effect !== 'allow') throw noSuchTeam();
    return team;
  }

  /** The people of a team are changed by whom the policies let manage it, and by admins. */
  async function demandManage(request: FastifyRequest, teamId: string): Promise<void> {
    const { principal } = identityOf(request);
    if (decideAdminister(request, principal).effect === 'allow') return;
    const team = await find(request, teamId);
    const resource = namespaceResource({ kind: 'team', ...team });
    demand(request, { principal, action: 'manage', resource }, `change who is in the team ${team.name}`);
  }

  /** Managers name people as they are called; ids are told to admins. */
  async function idOf(named: string): Promise<string> {
    return (await accounts.findOwner(named))?.id ?? named;
  }

  app.get(
    '/teams',
    describe(
      'person',
      tag,
      'List the teams I am in; for admins, all',
      { querystring: TeamQuerySchema, response: answers(200, TeamPageSchema) },
      'teams',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const { isMine, ...query } = request.query;
      const seesAll = isMine !== true && decideAdminister(request, principal).effect === 'allow';
      const own = seesAll ? {} : { names: principal.teams.map(({ name }) => name) };
      return accounts.findTeams({ ...pageOf(query), ...own });
    },
  );

  app.post(
    '/teams',
    describe('admin', tag, 'Create a team', { body: NewTeamSchema, response: answers(201, TeamSchema) }),
    async (request, reply) => {
      const { id, name, title, createdAt } = await accounts.createTeam(request.body, actorOf(request));
      return reply.code(201).send({ id, name, title, createdAt, members: 0, managers: 0 });
    },
  );

  app.get(
    '/teams/:idOrName',
    describe(
      'person',
      tag,
      'One team, by id or name',
      { params: TeamParamsSchema, response: answers(200, TeamSchema) },
      'teams',
    ),
    (request) => find(request, request.params.idOrName),
  );

  app.get(
    '/teams/:idOrName/members',
    describe(
      'person',
      tag,
      'Who is in a team; addresses and states are told to admins',
      { params: TeamParamsSchema, querystring: MemberQuerySchema, response: answers(200, MemberPageSchema) },
      'teams',
    ),
    async (request) => {
      const { role, ...query } = request.query;
      const { id } = await find(request, request.params.idOrName);
      const isAdmin = decideAdminister(request, identityOf(request).principal).effect === 'allow';
      const found = await accounts.findMembers(id, {
        ...pageOf(query),
        ...(role === undefined ? {} : { role }),
        searchesEmail: isAdmin,
      });
      return isAdmin ? found : { ...found, members: found.members.map(({ email: _, state: __, ...member }) => member) };
    },
  );

  app.delete(
    '/teams/:id',
    describe('admin', tag, 'Delete a team; the name is never given to anyone else', {
      params: IdParamsSchema,
      response: nothing,
    }),
    async (request, reply) => {
      await accounts.deleteTeam(request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  );

  app.put(
    '/teams/:id/members/:userId',
    describe(
      'person',
      tag,
      'Add a member or change the role; for managers of the team and admins',
      {
        params: MemberParamsSchema,
        body: MembershipSchema,
        response: answers(200, MembershipChangeSchema),
      },
      'teams',
    ),
    async (request) => {
      const { id } = request.params;
      const { role, undoes } = request.body;
      await demandManage(request, id);
      const userId = await idOf(request.params.userId);
      return changeOf(await accounts.setMember(id, userId, role, actorOf(request), undoes));
    },
  );

  app.delete(
    '/teams/:id/members/:userId',
    describe(
      'person',
      tag,
      'Remove a member; for managers of the team and admins, and for oneself',
      {
        params: MemberParamsSchema,
        response: answers(200, MembershipChangeSchema),
      },
      'teams',
    ),
    async (request) => {
      const { id } = request.params;
      const userId = await idOf(request.params.userId);
      const isLeaving = userId === identityOf(request).principal.id;
      if (!isLeaving) await demandManage(request, id);
      return changeOf(await accounts.removeMember(id, userId, actorOf(request)));
    },
  );
}

function noSuchTeam() {
  return knotError('KNOT_API_NO_TEAM', 404, 'There is no such team.');
}

const changeOf = (undo: MembershipUndo | undefined): MembershipChange => (undo ? { undo } : {});
