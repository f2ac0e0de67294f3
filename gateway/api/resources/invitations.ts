import { knotError } from '../../lib/index.ts';
import type { Needs, ApiServer } from '../context.ts';
import { CreatedInvitationSchema, IdParamsSchema, InvitationListSchema, NewInvitationSchema } from '../contract.ts';
import { createLinkMaker } from '../new-link.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Invitations';

export function invitationRoutes(
  app: ApiServer,
  context: Needs<'accounts' | 'mail' | 'config' | 'publicAddress' | 'actorOf' | 'log'>,
): void {
  const { accounts, actorOf } = context;
  const links = createLinkMaker(context);

  const list = async () => (await accounts.listLinks()).filter((link) => link.kind === 'invitation');

  app.get(
    '/invitations',
    describe('admin', tag, 'Invitations that are still open', { response: answers(200, InvitationListSchema) }),
    async () => ({
      invitations: (await list()).map(({ id, email, createdBy, createdAt, expiresAt }) => ({
        id,
        email,
        createdBy,
        createdAt,
        expiresAt,
      })),
    }),
  );

  app.post(
    '/invitations',
    describe('admin', tag, 'Invite someone; sent by mail if an address is given and mail is configured', {
      body: NewInvitationSchema,
      response: answers(201, CreatedInvitationSchema),
    }),
    async (request, reply) => {
      const { email } = request.body;
      const { link, newLink } = await links.make({ kind: 'invitation', email, mailTo: email }, actorOf(request));
      return reply.code(201).send({ id: link.id, ...newLink });
    },
  );

  app.delete(
    '/invitations/:id',
    describe('admin', tag, 'Withdraw an invitation', { params: IdParamsSchema, response: nothing }),
    async (request, reply) => {
      const { id } = request.params;
      if (!(await list()).some((link) => link.id === id)) {
        throw knotError('KNOT_API_NO_INVITATION', 404, 'There is no such open invitation.');
      }
      await accounts.revokeLink(id, actorOf(request));
      return reply.code(204).send(null);
    },
  );
}
