import type { FastifyRequest } from 'fastify';
import { knotError } from '../../lib/index.ts';
import { parseScope, type Token as AccountToken } from '../../tokens/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { CreatedTokenSchema, IdParamsSchema, NewTokenSchema, type Token, TokenListSchema } from '../contract.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Tokens';
const defaultDays = 30;

/**
 * No personal token can be made for this: one that leaks must not make others. What `knot login` was given may, up to what it may itself,
 * because its owner was asked for it in a browser.
 */
const scope = 'tokens';

/** My personal tokens. */
export function tokenRoutes(app: ApiServer, { tokens, actorOf }: Needs<'tokens' | 'actorOf'>): void {
  app.get(
    '/tokens',
    describe('person', tag, 'List my tokens', { response: answers(200, TokenListSchema) }, scope),
    async (request) => ({ tokens: (await tokens.list(identityOf(request).principal.id)).map(toToken) }),
  );

  app.post(
    '/tokens',
    describe(
      'person',
      tag,
      'Make a token; its secret is shown only now',
      {
        body: NewTokenSchema,
        response: answers(201, CreatedTokenSchema),
      },
      scope,
    ),
    async (request, reply) => {
      const { name, scopes, days = defaultDays } = request.body;
      demandWithin(request, scopes);
      const { name: actor, address } = actorOf(request);
      const userId = identityOf(request).principal.id;
      const { token, secret } = await tokens.create({ userId, name, scopes, days }, { actor, address });
      return reply.code(201).send({ token: toToken(token), secret });
    },
  );

  app.delete(
    '/tokens/:id',
    describe('person', tag, 'End a token at once', { params: IdParamsSchema, response: nothing }, scope),
    async (request, reply) => {
      const { name: actor, address } = actorOf(request);
      await tokens.revoke(identityOf(request).principal.id, request.params.id, { actor, address });
      return reply.code(204).send(null);
    },
  );
}

/** @throws KNOT_API_TOKEN_SCOPE for a token that could do more than what makes it */
function demandWithin(request: FastifyRequest, scopes: readonly string[]): void {
  const { token } = identityOf(request);
  const beyond = token && scopes.map(parseScope).find(({ subject, act, area }) => !token.allows(subject, act, area));
  if (!beyond) return;
  throw knotError('KNOT_API_TOKEN_SCOPE', 403, `This cannot make a token for ${beyond.subject}:${beyond.act}.`, {
    remedy: 'Make it in a browser.',
  });
}

const toToken = ({ userId: _userId, ...token }: AccountToken): Token => ({ ...token, scopes: [...token.scopes] });
