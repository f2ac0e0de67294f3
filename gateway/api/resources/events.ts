import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { every } from '../../lib/index.ts';
import { textOfPath } from '../../files/index.ts';
import { createAreaQuestions } from '../areas.ts';
import { followChanges } from '../changes.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import type { Lookers } from '../files/lookers.ts';
import { createListeners, type Rights } from '../listeners.ts';
import { createOpenStreams } from '../open-streams.ts';
import type { Running } from '../running.ts';
import type { ShownTiles } from '../shown-tiles.ts';
import { describe } from './describe.ts';

const heartbeatMs = 15_000;
const leastRetryMs = 1_500;
const mostStreamsOfOnePerson = 32;
/** A reader that takes nothing any more is not waited for. */
const patienceMs = 1000;
/** Of one stream: a reader that is so far behind comes back and reads anew. */
const mostUnreadBytes = 64 * 1024;

/** Server-sent events (HTML standard, section 9.2): `changed` names what the dashboard should fetch anew (contract/events.ts). */
export function eventRoutes(
  app: ApiServer,
  context: Needs<
    | 'live'
    | 'sessions'
    | 'accounts'
    | 'publicAddress'
    | 'decideAdminister'
    | 'decideOpen'
    | 'decide'
    | 'demand'
    | 'shares'
    | 'policy'
    | 'routes'
    | 'integrations'
    | 'onAppChange'
    | 'onChange'
    | 'clock'
    | 'log'
  >,
  { lookers, shownTiles, running }: { lookers: Lookers; shownTiles: ShownTiles; running: Pick<Running, 'onChange'> },
): void {
  const { accounts, decideAdminister, decideOpen } = context;
  const { decideArea } = createAreaQuestions(context);
  const listeners = createListeners(context);
  const stopFollowing = followChanges(context, listeners, { lookers, shownTiles, running });
  const streams = createOpenStreams(context, mostStreamsOfOnePerson);
  const open = new Set<() => void>();
  app.addHook('preClose', async () => {
    stopFollowing();
    listeners.close();
    for (const close of [...open]) close();
    await lookers.close();
  });

  app.get(
    '/events',
    describe('person', 'Events', 'Stream of changes: `event: changed`, `data: {"changes": [{"topic", "id"}]}`', {
      produces: ['text/event-stream'],
    }),
    (request, reply) => {
      streams.demandRoom(request);
      const stream = openStream(request, reply);
      return reply
        .headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
        .send(stream);
    },
  );

  function openStream(request: FastifyRequest, reply: FastifyReply): PassThrough {
    const { principal } = identityOf(request);
    const stream = new PassThrough();

    async function judge(): Promise<Rights | undefined> {
      const now = await accounts.principal(principal.id);
      return (
        now && {
          isAdmin: decideAdminister(request, now).effect === 'allow',
          mayOpen: (route) => decideOpen(request, now, route).effect === 'allow',
          mayList: ({ area, path }) => {
            const question = { principal: now, action: 'listFiles', area, path: textOfPath(path) } as const;
            return now.state === 'active' && decideArea(request, question).effect === 'allow';
          },
        }
      );
    }

    function write(text: string): void {
      if (stream.writableLength > mostUnreadBytes) close();
      else if (stream.writable) stream.write(text);
    }

    function close(): void {
      stream.end();
      setTimeout(() => reply.raw.destroy(), patienceMs).unref();
    }

    const heartbeat = every(heartbeatMs, () => write(': heartbeat\n\n'), {
      log: context.log,
      complaint: 'keeping an event stream alive failed',
    });
    const stops = [
      lookers.listens(principal.id),
      listeners.add({
        userId: principal.id,
        judge,
        tell: (changed) => write(`event: changed\ndata: ${JSON.stringify(changed)}\n\n`),
        close,
      }),
      streams.open(
        request,
        'events',
        () => true,
        () => {
          // Told, so that nobody takes it for a broken line and waits to come back.
          if (stream.writable) stream.write('event: ended\ndata: {}\n\n');
          close();
        },
      ),
    ];
    open.add(close);
    stream.once('close', () => {
      open.delete(close);
      void heartbeat.stop();
      for (const stop of stops) stop();
    });
    reply.raw.once('close', () => stream.destroy());
    // The first bytes open the EventSource at once.
    // And say when to come back after a broken line: not all pages at once.
    stream.write(`retry: ${Math.round(leastRetryMs * (1 + Math.random()))}\n: connected\n\n`);
    return stream;
  }
}
