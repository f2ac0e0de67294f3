import type { Token as AccountToken } from '../../tokens/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { CreatedTokenSchema, IdParamsSchema, NewTokenSchema, type Token, TokenListSchema } from '../contract.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Tokens';
const defaultDays = 30;

/** My personal tokens. No token may be used here: one that leaks must not make others. */
export function tokenRoutes(app: ApiServer, { tokens, actorOf }: Needs<'tokens' | 'actorOf'>): void {
  app.get(
    '/tokens',
    describe('person', tag, 'List my tokens', { response: answers(200, TokenListSchema) }),
    async (request) => ({ tokens: (await tokens.list(identityOf(request).principal.id)).map(toToken) }),
  );

  app.post(
    '/tokens',
    describe('person', tag, 'Make a token; its secret is shown only now', {
      body: NewTokenSchema,
      response: answers(201, CreatedTokenSchema),
    }),
    async (request, reply) => {
      const { name, scopes, days = defaultDays } = request.body;
      const { name: actor, address } = actorOf(request);
      const userId = identityOf(request).principal.id;
      const { token, secret } = await tokens.create({ userId, name, scopes, days }, { actor, address });
      return reply.code(201).send({ token: toToken(token), secret });
    },
  );

  app.delete(
    '/tokens/:id',
    describe('person', tag, 'End a token at once', { params: IdParamsSchema, response: nothing }),
    async (request, reply) => {
      const { name: actor, address } = actorOf(request);
      await tokens.revoke(identityOf(request).principal.id, request.params.id, { actor, address });
      return reply.code(204).send(null);
    },
  );
}

const toToken = ({ userId: _userId, ...token }: AccountToken): Token => ({ ...token, scopes: [...token.scopes] });
