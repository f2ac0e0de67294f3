import { AnswerSyntaxError } from '../wire/answer-head.ts';
import type { Dial } from './dial.ts';
import type { ForwardedRequest, Forwarder, ForwardHandler } from './forwarder.ts';
import { Http1Connection } from './http1-connection.ts';
import { createPrivateConnections } from './private-connections.ts';

const mostSweepMs = 1_000;

/**
 * Requests over HTTP/1.1 to one back end: one request at a time on each connection, the connection used last taken first, a new one
 * when none is free. How many there can be is the admission's to say. Written here instead of taken from undici, whose client costs
 * more than all the rest of a request together (decision 0009).
 */
export function createHttp1Forwarder({
  dial,
  limits,
}: {
  dial: Dial;
  limits: { answerHeaderBytes: number; firstByteMs: number };
}): Forwarder {
  const all = new Set<Http1Connection>();
  const free: Http1Connection[] = [];
  const kept = createPrivateConnections();
  let isDestroyed = false;
  let timer: NodeJS.Timeout | undefined;
  const place = {
    limits,
    onFree(connection: Http1Connection): void {
      if (isDestroyed) connection.destroy();
      else if (connection.isPrivate) kept.keep(connection);
      else free.push(connection);
    },
    onClose(connection: Http1Connection): void {
      all.delete(connection);
      if (connection.isPrivate) kept.forget(connection);
      const index = free.indexOf(connection);
      if (index !== -1) free.splice(index, 1);
    },
  };

  /** One timer for all connections: a timer for each request would cost as much as its parsing. */
  function sweep(): void {
    const now = performance.now();
    for (const connection of all) connection.checkDeadline(now);
    // The longest unused stand first.
    while (free.length > 0 && !free[0]!.isReusable(now)) free.shift()!.destroy();
    kept.sweep(now);
    if (all.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  function takeFree(): Http1Connection | undefined {
    if (free.length === 0) return undefined;
    const now = performance.now();
    for (let connection = free.pop(); connection !== undefined; connection = free.pop()) {
      if (connection.isReusable(now)) return connection;
      connection.destroy();
    }
    return undefined;
  }

  function takeKept(handler: ForwardHandler): Http1Connection | undefined {
    const owner = handler.owner?.();
    return owner === undefined ? undefined : kept.take(owner, performance.now());
  }

  function connect(request: ForwardedRequest, handler: ForwardHandler): void {
    let connection: Http1Connection | undefined;
    let hasSpoken = false;
    dial(
      (error, socket) => {
        if (error !== null || socket === null || isDestroyed || hasSpoken) {
          socket?.destroy();
          return handler.onResponseError(noControl, error ?? new AnswerSyntaxError('an answer before any request'));
        }
        connection = new Http1Connection(socket, place);
        all.add(connection);
        timer ??= setInterval(sweep, Math.max(20, Math.min(mostSweepMs, limits.firstByteMs / 4))).unref();
        connection.send(request, handler);
      },
      (bytes) => {
        if (connection === undefined) hasSpoken = true;
        else connection.read(bytes);
      },
    );
  }

  return {
    dispatch(request, handler) {
      const connection = (kept.size > 0 ? takeKept(handler) : undefined) ?? takeFree();
      if (connection === undefined) connect(request, handler);
      else connection.send(request, handler);
    },
    async destroy() {
      isDestroyed = true;
      clearInterval(timer);
      for (const connection of [...all]) connection.destroy();
    },
  };
}

/** Before there is a connection there is nothing to steer. */
const noControl = { abort: () => undefined, pause: () => undefined, resume: () => undefined };
