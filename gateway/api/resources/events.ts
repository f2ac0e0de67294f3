import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Identity, knotError } from '../../lib/index.ts';
import { type ChangeNotice, createChanges } from '../changes.ts';
import { type ApiContext, type ApiServer, identityOf } from '../context.ts';
import type { Changed, Topic } from '../contract.ts';
import { describe } from './describe.ts';

const coalesceMs = 200;
const heartbeatMs = 15_000;
const mostStreamsOfOnePerson = 32;
/** A reader that takes nothing any more is not waited for. */
const patienceMs = 1000;
/** What everyone may know: that something changed, never what. */
const openTopics: ReadonlySet<Topic> = new Set(['tiles', 'sessions']);

/** Server-sent events (HTML standard, section 9.2): `changed` names what the dashboard should fetch anew. */
export function eventRoutes(app: ApiServer, context: ApiContext): void {
  const { live, identify, accounts, publicAddress, decideAdminister } = context;
  const changes = createChanges(context);
  const streamsOf = new Map<string, number>();
  const open = new Set<() => void>();
  app.addHook('preClose', async () => {
    changes.close();
    for (const close of [...open]) close();
  });

  app.get(
    '/events',
    describe('person', 'Events', 'Stream of changes: `event: changed`, `data: {"topics": […]}`', {
      produces: ['text/event-stream'],
    }),
    (request, reply) => {
      const identity = identityOf(request);
      const { id } = identity.principal;
      const count = streamsOf.get(id) ?? 0;
      if (count >= mostStreamsOfOnePerson) {
        throw knotError('KNOT_API_TOO_MANY_STREAMS', 429, 'Too many pages listen for changes at once.', {
          remedy: 'Close some tabs of Knot.',
        });
      }
      streamsOf.set(id, count + 1);
      const stream = openStream(request, reply, identity);
      stream.once('close', () => {
        const left = (streamsOf.get(id) ?? 1) - 1;
        if (left > 0) streamsOf.set(id, left);
        else streamsOf.delete(id);
      });
      return reply
        .headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
        .send(stream);
    },
  );

  function openStream(request: FastifyRequest, reply: FastifyReply, { session, principal }: Identity): PassThrough {
    const stream = new PassThrough();
    const pending = new Set<Topic>();
    let isAboutMe = false;
    let timer: NodeJS.Timeout | undefined;

    async function flush(): Promise<void> {
      timer = undefined;
      const topics = [...pending];
      const isMine = isAboutMe;
      pending.clear();
      isAboutMe = false;
      // Asked anew each time: an admin may have stopped being one.
      const now = await accounts.principal(principal.id);
      const isAdmin = now !== undefined && decideAdminister(request, now).effect === 'allow';
      const told: Changed = {
        topics: topics.filter((topic) => isAdmin || openTopics.has(topic) || (isMine && topic === 'users')),
      };
      if (told.topics.length > 0 && stream.writable) stream.write(`event: changed\ndata: ${JSON.stringify(told)}\n\n`);
    }

    function note({ topics, userId }: ChangeNotice): void {
      for (const topic of topics) pending.add(topic);
      isAboutMe ||= userId === principal.id;
      timer ??= setTimeout(() => {
        flush().catch((error: unknown) => {
          context.log.error({ err: error }, 'telling a change failed');
          close();
        });
      }, coalesceMs);
    }

    function close(): void {
      stream.end();
      setTimeout(() => reply.raw.destroy(), patienceMs).unref();
    }

    const heartbeat = setInterval(() => stream.write(': heartbeat\n\n'), heartbeatMs);
    const stops = [
      changes.listen(note),
      live.open({
        kind: 'events',
        sessionId: session.centralId,
        userId: principal.id,
        username: principal.username,
        host: publicAddress.domain,
        isStillAllowed: async () => (await identify(request.headers.cookie, '')) !== undefined,
        close: () => {
          // Told, so that nobody takes it for a broken line and waits to come back.
          if (stream.writable) stream.write('event: ended\ndata: {}\n\n');
          close();
        },
      }),
    ];
    open.add(close);
    stream.once('close', () => {
      open.delete(close);
      clearInterval(heartbeat);
      clearTimeout(timer);
      for (const stop of stops) stop();
    });
    reply.raw.once('close', () => stream.destroy());
    // The first bytes open the EventSource at once.
    stream.write('retry: 2000\n: connected\n\n');
    return stream;
  }
}
