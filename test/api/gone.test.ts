import { once } from 'node:events';
import { request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import t from 'tap';
import { answerErrors } from '../../gateway/api/errors.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';

t.test('what is ended because whoever asked has gone is no failure; what fails then is one', async (t) => {
  const failed: unknown[] = [];
  const app = fastify();
  t.teardown(() => app.close());
  answerErrors(app, {
    log: { ...silentLog, error: (facts: { err: unknown }) => void failed.push(facts.err) },
  } as never);
  const errors: Record<string, Error> = { '/broken': new Error('the disk is broken') };
  let arrived = (): void => {};
  const told: string[] = [];
  app.get('/*', async (request) => {
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    arrived();
    await once(gone.signal, 'abort');
    told.push(request.url);
    throw errors[request.url] ?? gone.signal.reason;
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  for (const path of ['/search', '/broken']) {
    const here = new Promise<void>((resolve) => (arrived = resolve));
    const asked = ask({ port, path }).on('error', () => {});
    asked.end();
    await here;
    asked.destroy();
    await eventually('it is ended', () => told.includes(path));
  }
  await eventually('the failure is logged', () => failed.includes(errors['/broken']));
  t.strictSame(failed, [errors['/broken']]);
});
