import type { FastifyRequest } from 'fastify';
import type { RawData, WebSocket } from 'ws';
import { KnotError, knotError } from '../../lib/index.ts';
import type { OpenTerminal, Service, TerminalViewer } from '../../services/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { IdParamsSchema, type TerminalQuery, TerminalQuerySchema, TerminalMessageSchema } from '../contract.ts';
import { noteDone } from '../note-done.ts';
import { closeCodes, createOpenStreams, keepAlive } from '../open-streams.ts';
import { checkOf } from '../schemas.ts';
import { describe } from './describe.ts';
import { serviceContext } from './service-context.ts';

const mostTerminals = 8;
const mostEarly = 32;
/** A page that takes nothing any more is not waited for. */
const mostWaiting = 2 * 1024 * 1024;

/**
 * A terminal in a service, on a WebSocket: binary messages are what is typed and what is shown; text messages are JSON. From Knot:
 * first `{terminal, at, to}` (what lies between was shown before), at the end `{ended: CODE}`. From the page: `{size: {columns, rows}}`, and `{seen: PLACE}`, up to which byte
 * of everything it has shown it; without it the shell waits after half a mebibyte. With `terminal` and `seen` a page that lost its
 * line comes back to the same shell within a minute.
 */
export function serviceTerminalRoutes(
  app: ApiServer,
  context: Needs<
    | 'services'
    | 'shares'
    | 'decide'
    | 'demand'
    | 'actorOf'
    | 'publicAddress'
    | 'live'
    | 'accounts'
    | 'sessions'
    | 'audit'
    | 'clock'
    | 'log'
  >,
): void {
  const { clock, log } = context;
  const { servicesOrRefusal, findFor, find, may } = serviceContext(context);
  const streams = createOpenStreams(context, mostTerminals);
  app.addHook('preClose', async () => context.services?.terminals.close());

  const note = (request: FastifyRequest, { owner, name }: Service, action: string, detail?: { seconds: number }) =>
    noteDone(context, request, { action, subject: `service:${owner.name}/${name}`, ...(detail && { detail }) });

  async function open(socket: WebSocket, request: FastifyRequest): Promise<void> {
    // Messages may come before the terminal is there.
    const early: [RawData, boolean][] = [];
    const keep = (data: RawData, isBinary: boolean): void => {
      early.push([data, isBinary]);
      if (early.length > mostEarly) socket.terminate();
    };
    socket.on('message', keep);
    const { principal, session } = identityOf(request);
    const query = request.query as TerminalQuery;
    const service = await find(request, (request.params as { id: string }).id);
    let terminal: OpenTerminal | undefined;
    const tell = (message: object): void => socket.send(JSON.stringify(message));
    const viewer: TerminalViewer = {
      show(bytes) {
        if (socket.bufferedAmount > mostWaiting) return socket.terminate();
        socket.send(bytes);
      },
      drained: () => socket.resume(),
      over(why, code) {
        if (why === 'ended') tell({ ended: code ?? null });
        socket.close(
          why === 'ended' ? closeCodes.over : why === 'cut' ? closeCodes.comeBack : closeCodes.elsewhere,
          why,
        );
      },
    };
    try {
      const whose = { userId: principal.id, sessionId: session.centralId };
      const { columns, rows, terminal: id, seen } = query;
      terminal = await servicesOrRefusal().terminals.open(service, whose, { columns, rows, id, seen }, viewer);
    } catch (error) {
      if (!(error instanceof KnotError)) throw error;
      const code = error.code === 'KNOT_SERVICES_NOT_RUNNING' ? closeCodes.notRunning : closeCodes.tooMany;
      // A reason has at most 123 bytes (RFC 6455 section 5.5).
      return socket.close(code, error.message.slice(0, 100));
    }
    const opened = terminal;
    const startedAt = clock.now();
    let isRevoked = false;
    const forget = streams.open(
      request,
      'websocket',
      async (now) => {
        const found = await servicesOrRefusal().find(service.id);
        return found !== undefined && may(request, 'manage', found, now);
      },
      (reason) => {
        isRevoked = true;
        opened.end();
        socket.close(closeCodes.notAllowed, reason);
      },
    );
    const gone = (): void => {
      forget();
      if (!isRevoked) opened.leave();
      const seconds = Math.round((clock.now() - startedAt) / 1000);
      note(request, service, 'service.terminal-left', { seconds }).catch((error: unknown) =>
        log.error({ err: error }, 'the end of a terminal could not be recorded'),
      );
    };
    socket.once('close', gone);
    if (socket.readyState !== socket.OPEN) {
      socket.off('close', gone);
      return gone();
    }
    keepAlive(socket, log);
    if (query.terminal !== opened.id) {
      // What cannot be recorded does not happen.
      await note(request, service, 'service.terminal-opened').catch((error: unknown) => {
        opened.end();
        throw error;
      });
    }
    tell({ terminal: opened.id, at: opened.at, to: opened.to });
    opened.begin();
    const hear = (data: RawData, isBinary: boolean): void => {
      if (isBinary) {
        if (!opened.type(data as Buffer)) socket.pause();
        return;
      }
      const message = messageIn(data as Buffer);
      if (message === undefined) return socket.close(closeCodes.notUnderstood, 'not understood');
      if (message.size) opened.resize(message.size);
      if (message.seen !== undefined) opened.seen(message.seen);
      if (message.end === true) opened.end();
    };
    socket.off('message', keep);
    for (const [data, isBinary] of early) hear(data, isBinary);
    socket.on('message', hear);
  }

  app.route({
    method: 'GET',
    url: '/services/:id/terminal',
    ...describe(
      'person',
      'Services',
      'A terminal in it, on a WebSocket',
      { params: IdParamsSchema, querystring: TerminalQuerySchema },
      'services',
      'write',
    ),
    preHandler: async (request) => {
      const { id } = request.params;
      await findFor(request, id, 'manage', 'open a terminal in');
      if (request.ws) streams.demandRoom(request);
    },
    wsHandler: (socket, request) => open(socket, request as FastifyRequest),
    handler: () => {
      // Not 426 (RFC 9110 section 15.5.22): it must name the protocol in a field that HTTP/2 has not.
      throw knotError('KNOT_API_NEEDS_SOCKET', 400, 'A terminal is a WebSocket.', {
        remedy: 'Ask for it with `Upgrade: websocket`, over HTTP/1.1.',
      });
    },
  });
}

const isMessage = checkOf(TerminalMessageSchema);

function messageIn(data: Buffer) {
  try {
    const message: unknown = JSON.parse(data.toString());
    return isMessage(message) ? message : undefined;
  } catch {
    return undefined;
  }
}
