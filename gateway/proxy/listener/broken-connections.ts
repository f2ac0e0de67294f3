import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AccessEntry, Log, ReasonCode } from '../../lib/index.ts';
import { refusedEntry } from '../message/access-entry.ts';
import { RequestLineError } from './request-lines.ts';
import { nextRequestId } from '../message/request-id.ts';
import { notCanonical } from '../message/refusals.ts';
import { refuseUpgrade } from '../message/refuse-upgrade.ts';

type ParseError = Error & { code?: string };

export type BrokenConnections = {
  /** Hears of each answer that Node's HTTP server is to give, in the order of the requests, before anybody writes it. */
  noteDue(response: ServerResponse): void;
  /**
   * Answers what the HTTP/1 parser could not read, once, and closes the connection: after a framing error nothing that follows can
   * be trusted (catalogue S1 to S6).
   */
  answer(error: ParseError, socket: Duplex): void;
};

export function createBrokenConnections(log: Log, onAccess: (entry: AccessEntry) => void): BrokenConnections {
  /** What is still due on a connection, the one whose turn it is first. */
  const due = new WeakMap<Duplex, Set<ServerResponse>>();

  /**
   * False while the answer to an earlier request is due or under way: what is written now would be read as that answer, or as a
   * part of its body.
   */
  function isFreeToAnswer(socket: Duplex): boolean {
    const [first] = due.get(socket) ?? [];
    return first === undefined || (!first.headersSent && !first.req.complete);
  }

  function noteDue(response: ServerResponse): void {
    const { socket } = response.req;
    const responses = due.get(socket) ?? new Set();
    due.set(socket, responses.add(response));
    const settle = (): void => void responses.delete(response);
    response.once('finish', settle).once('close', settle);
  }

  function answer(error: ParseError, socket: Duplex): void {
    // Bytes that were under way fail again; the first answer is still being read.
    if (socket.writableEnded) return;
    socket.on('error', () => undefined);
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) return void socket.destroy();
    const reason = reasonOf(error);
    const refusal = notCanonical(reason);
    const requestId = nextRequestId();
    if (isFreeToAnswer(socket)) refuseUpgrade(socket, refusal, requestId);
    else socket.destroy();
    log.debug({ requestId, reason, code: error.code }, 'unreadable request');
    const address = ('remoteAddress' in socket ? (socket.remoteAddress as string) : undefined) ?? '';
    onAccess(refusedEntry({ requestId, status: refusal.status, reason, address }));
  }

  return { noteDue, answer };
}

function reasonOf(error: ParseError): ReasonCode {
  if (error instanceof RequestLineError) return error.reason;
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'too_slow';
  return 'malformed';
}
