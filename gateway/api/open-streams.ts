import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { every, knotError, type Log, type Principal } from '../lib/index.ts';
import type { LiveKind } from '../live/index.ts';
import { identityOf, type Needs } from './context.ts';

type Follow = Needs<'live' | 'sessions' | 'accounts' | 'publicAddress'>;

/**
 * Keeps what is open for whoever asks among the open streams, so that it is cut within two seconds when its right ends: the sign-in or the
 * token that it was begun with, or what `isStillAllowed` says of the person as they are then. It is asked once at once, because any of
 * them may have ended since it was looked at, when there was nothing yet to be found. `close` hears why.
 * @returns what is to be called when it ended by itself
 */
function openLive(
  context: Follow,
  request: FastifyRequest,
  kind: LiveKind,
  isStillAllowed: (principal: Principal) => boolean | Promise<boolean>,
  close: (reason: string) => void,
): () => void {
  const { session, principal } = identityOf(request);
  const { id, username } = principal;
  const isAllowed = async (): Promise<boolean> => {
    const now = await whoGoesOn(context, request);
    return now !== undefined && (await isStillAllowed(now));
  };
  const forget = context.live.open({
    kind,
    sessionId: session.centralId,
    userId: id,
    username,
    host: context.publicAddress.domain,
    isStillAllowed: isAllowed,
    close,
  });
  const over = 'no longer allowed';
  isAllowed().then(
    (is) => !is && close(over),
    () => close(over),
  );
  return forget;
}

/** As `openLive`, for an answer that is being sent, or a body that is being read: it is cut with what carries it. */
export function followAnswer(
  context: Follow,
  request: FastifyRequest,
  reply: FastifyReply,
  kind: LiveKind,
  isStillAllowed: (principal: Principal) => boolean | Promise<boolean>,
): void {
  const forget = openLive(context, request, kind, isStillAllowed, () => void reply.raw.destroy());
  reply.raw.once('close', forget);
}

/** Whose a request is now: of the sign-in or the token that it was begun with, if that still lives. */
async function whoGoesOn({ sessions, accounts }: Follow, request: FastifyRequest): Promise<Principal | undefined> {
  const { session, principal, token } = identityOf(request);
  const again = await request.identifyAgain?.().catch(() => undefined);
  if (again !== undefined) return again.session.centralId === session.centralId ? again.principal : undefined;
  // A sign-in has another secret since its person signed in again; what was begun in it goes on.
  if (token !== undefined || !(await sessions.living([session.centralId])).has(session.centralId)) return undefined;
  const now = await accounts.principal(principal.id);
  return now?.state === 'active' ? now : undefined;
}

/** What stays open for people on the main host, `most` for each: counted, and cut when its right ends. */
export function createOpenStreams(context: Follow, most: number) {
  const counts = new Map<string, number>();

  return {
    /** @throws KNOT_API_TOO_MANY_STREAMS */
    demandRoom(request: FastifyRequest): void {
      if ((counts.get(identityOf(request).principal.id) ?? 0) < most) return;
      throw knotError('KNOT_API_TOO_MANY_STREAMS', 429, 'Too many streams of yours are open at once.', {
        remedy: 'Close some tabs of Knot, or end commands that follow something.',
      });
    },
    /** As `openLive`. */
    open(
      request: FastifyRequest,
      kind: LiveKind,
      isStillAllowed: (principal: Principal) => boolean | Promise<boolean>,
      close: (reason: string) => void,
    ): () => void {
      const { id } = identityOf(request).principal;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      const forget = openLive(context, request, kind, isStillAllowed, close);
      return () => {
        forget();
        const left = (counts.get(id) ?? 1) - 1;
        if (left > 0) counts.set(id, left);
        else counts.delete(id);
      };
    },
  };
}

const pingMs = 30_000;

/** Asks a WebSocket for a sign of life now and then (RFC 6455 section 5.5.2), and ends one that gives none. */
export function keepAlive(socket: WebSocket, log: Pick<Log, 'error'>): void {
  let isAlive = true;
  socket.on('pong', () => (isAlive = true));
  const pings = every(
    pingMs,
    () => {
      if (!isAlive) return socket.terminate();
      isAlive = false;
      socket.ping();
    },
    { log, complaint: 'looking after a WebSocket failed' },
  );
  socket.once('close', () => void pings.stop());
}

/** Codes of RFC 6455 section 7.4.1, and of ours (section 7.4.2). */
export const closeCodes = {
  over: 1000,
  notUnderstood: 1007,
  notAllowed: 1008,
  comeBack: 1012,
  notRunning: 4001,
  elsewhere: 4002,
  tooMany: 4029,
} as const;
