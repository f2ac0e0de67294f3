import type { FastifyInstance } from 'fastify';
import type { SigningKeys } from './service.ts';

/** `GET /.well-known/jwks.json`: what verifies assertions and ID tokens. Public, kept at most 300 s. */
export async function jwksRoutes(app: FastifyInstance, { keys }: { keys: SigningKeys }): Promise<void> {
  app.get('/.well-known/jwks.json', async (_request, reply) => {
    await reply
      .header('cache-control', 'public, max-age=300')
      .header('access-control-allow-origin', '*')
      .type('application/jwk-set+json')
      .send(JSON.stringify(keys.publicJwks()));
  });
}
