import { PassThrough, Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { every, type Principal } from '../../lib/index.ts';
import type { Service } from '../../services/index.ts';
import type { ApiServer, Needs } from '../context.ts';
import {
  IdParamsSchema,
  type ServiceLogFrame,
  type ServiceLogsQuery,
  ServiceLogsQuerySchema,
  ServiceLogsSchema,
} from '../contract.ts';
import { filename } from '../files/content.ts';
import { closeCodes, createOpenStreams, followAnswer, keepAlive } from '../open-streams.ts';
import { answers, describe } from './describe.ts';
import { serviceContext } from './service-context.ts';

const linesOfPage = 200;
const mostStreams = 16;
const heartbeatMs = 15_000;

/**
 * What a service said: a page of it, all of it, and on and on: `?follow` on a WebSocket or as lines of JSON, the same frames in both.
 * Whoever comes back goes on with `after`, the number of the last line they have.
 */
export function serviceLogRoutes(
  app: ApiServer,
  context: Needs<
    'services' | 'shares' | 'decide' | 'demand' | 'actorOf' | 'publicAddress' | 'live' | 'accounts' | 'sessions' | 'log'
  >,
): void {
  const { log } = context;
  const { servicesOrRefusal, findToRead, find, mayRead } = serviceContext(context);
  const streams = createOpenStreams(context, mostStreams);
  const ends = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of ends) end();
  });

  const toRead = (request: FastifyRequest): Promise<Service> => {
    const { id } = request.params as { id: string };
    return findToRead(request, id);
  };

  async function* frames(
    service: Service,
    query: ServiceLogsQuery,
    signal: AbortSignal,
  ): AsyncGenerator<ServiceLogFrame> {
    const output = await servicesOrRefusal().output(service);
    let { after } = query;
    if (after === undefined) {
      const { lines, last, before } = await output.page({ limit: query.limit ?? linesOfPage });
      after = last;
      yield { lines, ...(before !== undefined && { before }) };
    } else yield { lines: [] };
    for await (const lines of output.follow(after, signal)) yield { lines };
  }

  const mayGoOn =
    (request: FastifyRequest, { id }: Service) =>
    async (principal: Principal): Promise<boolean> => {
      const now = await servicesOrRefusal().find(id);
      return now !== undefined && mayRead(request, now, principal);
    };

  /** Follows until the client goes, the right ends, the service is removed or Knot ends. */
  function begin(
    request: FastifyRequest,
    service: Service,
    kind: 'websocket' | 'events',
    close: (reason: string) => void,
  ) {
    const stop = new AbortController();
    const forget = streams.open(request, kind, mayGoOn(request, service), (reason) => {
      close(reason);
      stop.abort();
    });
    const end = (): void => stop.abort();
    ends.add(end);
    stop.signal.addEventListener('abort', () => {
      ends.delete(end);
      forget();
    });
    return { frames: frames(service, request.query as ServiceLogsQuery, stop.signal), end };
  }

  async function sendOn(socket: WebSocket, request: FastifyRequest): Promise<void> {
    const service = await find(request, (request.params as { id: string }).id);
    const { frames, end } = begin(request, service, 'websocket', (reason) =>
      socket.close(closeCodes.notAllowed, reason),
    );
    socket.once('close', end);
    // One that closed while the service was read tells nobody any more.
    if (socket.readyState !== socket.OPEN) return end();
    keepAlive(socket, log);
    for await (const frame of frames)
      // The next one is read when this one is on its way: nothing gathers here for a reader that is slow.
      await new Promise<void>((resolve) => socket.send(JSON.stringify(frame), () => resolve()));
    end();
    socket.close(closeCodes.over);
  }

  async function stream(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    streams.demandRoom(request);
    const service = await toRead(request);
    const body = new PassThrough();
    const { frames, end } = begin(request, service, 'events', () => body.destroy());
    const heartbeat = every(heartbeatMs, () => body.writableLength === 0 && body.write('{"lines":[]}\n'), {
      log,
      complaint: 'keeping a stream of output alive failed',
    });
    body.once('close', () => {
      void heartbeat.stop();
      end();
    });
    reply.raw.once('close', () => body.destroy());
    body.on('error', () => undefined);
    void Readable.from(
      (async function* () {
        for await (const frame of frames) yield `${JSON.stringify(frame)}\n`;
      })(),
    )
      .on('error', (error) => body.destroy(error))
      .pipe(body);
    return reply.headers({ 'content-type': 'application/x-ndjson', 'x-accel-buffering': 'no' }).send(body);
  }

  app.route({
    method: 'GET',
    url: '/services/:id/logs',
    ...describe(
      'person',
      'Services',
      'What it said, a page at a time, the newest first; with `follow` on and on, as lines of JSON or on a WebSocket',
      { params: IdParamsSchema, querystring: ServiceLogsQuerySchema, response: answers(200, ServiceLogsSchema) },
      'services',
    ),
    preHandler: async (request) => {
      if (!request.ws) return;
      streams.demandRoom(request);
      await toRead(request);
    },
    wsHandler: (socket, request) => sendOn(socket, request as FastifyRequest),
    handler: async (request, reply) => {
      const { follow, before, after, limit = linesOfPage, q: search } = request.query;
      if (follow !== undefined && follow !== 'false') return stream(request, reply);
      const service = await toRead(request);
      const output = await servicesOrRefusal().output(service);
      return output.page({
        limit,
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        ...(search !== undefined && { search }),
      });
    },
  });

  app.get(
    '/services/:id/logs.txt',
    describe(
      'person',
      'Services',
      'All of what it said that is kept, as a text without colours',
      { params: IdParamsSchema, produces: ['text/plain'] },
      'services',
    ),
    async (request, reply) => {
      const service = await toRead(request);
      const output = await servicesOrRefusal().output(service);
      followAnswer(context, request, reply, 'download', mayGoOn(request, service));
      return reply
        .headers({
          'content-type': 'text/plain; charset=utf-8',
          'content-disposition': `attachment; ${filename(`${service.name}.log.txt`)}`,
        })
        .send(Readable.from(output.text()));
    },
  );
}
