import type { FastifyRequest } from 'fastify';
import type { MembershipUndo, Team as AccountTeam } from '../../accounts/index.ts';
import { knotError } from '../../lib/index.ts';
import { namespaceResource } from '../../owners/index.ts';
import { type ApiContext, type ApiServer, identityOf } from '../context.ts';
import {
  IdParamsSchema,
  MemberParamsSchema,
  type MembershipChange,
  MembershipChangeSchema,
  MembershipSchema,
  NewTeamSchema,
  type Team,
  TeamListSchema,
  TeamSchema,
} from '../contract.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Teams';

/** Teams are made and deleted by admins; their managers decide who is in them, and everybody may leave. */
export function teamRoutes(app: ApiServer, context: ApiContext): void {
  const { accounts, actorOf, decide, decideAdminister, demand } = context;

  /** The people of a team are changed by whom the policies let manage it, and by admins. */
  async function demandManage(request: FastifyRequest, teamId: string): Promise<void> {
    const { principal } = identityOf(request);
    if (decideAdminister(request, principal).effect === 'allow') return;
    const team = await accounts.findTeam(teamId);
    const resource = team && namespaceResource({ kind: 'team', ...team });
    // Whom a team is nothing to is told that there is none.
    if (!resource || decide(request, { principal, action: 'see', resource }).effect !== 'allow') throw noSuchTeam();
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
      { response: answers(200, TeamListSchema) },
      'teams',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const isAdmin = decideAdminister(request, principal).effect === 'allow';
      const own = principal.teams.map(({ name }) => name);
      return { teams: (await accounts.listTeams(isAdmin ? undefined : own)).map(toTeam) };
    },
  );

  app.post(
    '/teams',
    describe('admin', tag, 'Create a team', { body: NewTeamSchema, response: answers(201, TeamSchema) }),
    async (request, reply) => reply.code(201).send(toTeam(await accounts.createTeam(request.body, actorOf(request)))),
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

const toTeam = (team: AccountTeam): Team => ({ ...team, members: [...team.members] });
