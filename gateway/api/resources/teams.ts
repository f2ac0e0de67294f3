import type { MembershipUndo, Team as AccountTeam } from '../../accounts/index.ts';
import type { ApiContext, ApiServer } from '../context.ts';
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

export function teamRoutes(app: ApiServer, { accounts, actorOf }: ApiContext): void {
  app.get('/teams', describe('admin', tag, 'List teams', { response: answers(200, TeamListSchema) }), async () => ({
    teams: (await accounts.listTeams()).map(toTeam),
  }));

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
    describe('admin', tag, 'Add a member or change the role', {
      params: MemberParamsSchema,
      body: MembershipSchema,
      response: answers(200, MembershipChangeSchema),
    }),
    async (request) => {
      const { id, userId } = request.params;
      const { role, undoes } = request.body;
      return changeOf(await accounts.setMember(id, userId, role, actorOf(request), undoes));
    },
  );

  app.delete(
    '/teams/:id/members/:userId',
    describe('admin', tag, 'Remove a member', {
      params: MemberParamsSchema,
      response: answers(200, MembershipChangeSchema),
    }),
    async (request) => {
      const { id, userId } = request.params;
      return changeOf(await accounts.removeMember(id, userId, actorOf(request)));
    },
  );
}

const changeOf = (undo: MembershipUndo | undefined): MembershipChange => (undo ? { undo } : {});

const toTeam = (team: AccountTeam): Team => ({ ...team, members: [...team.members] });
