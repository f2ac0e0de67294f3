import type { FastifyInstance } from 'fastify';

export type ProbeRoutesOptions = { isReady: () => Promise<boolean> };

/** For probes that can reach only the main host. Open to everyone, so they say yes or no and nothing else. */
export async function probeRoutes(app: FastifyInstance, { isReady }: ProbeRoutesOptions): Promise<void> {
  app.get('/healthz', async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const answer = await isReady();
    return reply
      .header('cache-control', 'no-store')
      .status(answer ? 200 : 503)
      .send({ status: answer ? 'ready' : 'not ready' });
  });
}
