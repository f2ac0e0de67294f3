import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { every, knotError, type Log, type Principal } from '../lib/index.ts';
import type { LiveKind } from '../live/index.ts';
import { identityOf, type Needs } from './context.ts';

type Follow = Needs<'live' | 'accounts' | 'publicAddress'>;

/** What is open for a person on the main host. `forget` is to be called when it ended by itself. */
type Followed = { isAllowed(): Promise<boolean>; forget(): void };

/**
 * Keeps what is open for whoever asks among the open streams, so that it is cut within two seconds when its right ends.
 * `isStillAllowed` is asked of the person as they are then; `close` hears why.
 */
export function openLive(
  { live, accounts, publicAddress }: Follow,
  request: FastifyRequest,
  kind: LiveKind,
  isStillAllowed: (principal: Principal) => boolean | Promise<boolean>,
  close: (reason: string) => void,
): Followed {
  const { session, principal } = identityOf(request);
  const { id, username } = principal;
  const isAllowed = async (): Promise<boolean> => {
    const now = await accounts.principal(id);
    return now?.state === 'active' && (await isStillAllowed(now));
  };
  const forget = live.open({
    kind,
    sessionId: session.centralId,
    userId: id,
    username,
    host: publicAddress.domain,
    isStillAllowed: isAllowed,
    close,
  });
  return { isAllowed, forget };
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
    /**
     * To be called when it begins, the result when it ended. As `openLive`, and `isStillAllowed` is asked once at once: the right may
     * have ended since it was looked at.
     */
    open(
      request: FastifyRequest,
      kind: LiveKind,
      isStillAllowed: (principal: Principal) => boolean | Promise<boolean>,
      close: (reason: string) => void,
    ): () => void {
      const { id } = identityOf(request).principal;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      const { isAllowed, forget } = openLive(context, request, kind, isStillAllowed, close);
      const over = 'no longer allowed';
      isAllowed().then(
        (is) => !is && close(over),
        () => close(over),
      );
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
