import { type IncomingMessage, request as httpRequest, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AccessEntry, CanonicalRequest } from '../lib/index.ts';
import type { Refusal } from './answers.ts';
import type { ExchangeContext } from './exchange.ts';
import type { Visitor } from './gate.ts';
import { failureOf, tooManyStreams, upstreamFailed } from './refusals.ts';
import { type FieldBlock, upstreamHeaders } from './request-headers.ts';
import { clientHeaders } from './response-headers.ts';
import { refuseUpgrade } from './upgrade-answer.ts';
import { nextRequestId } from './request-id.ts';
import type { Target } from './upstreams.ts';
import { closeFrame, createFrameBoundary } from './ws-frames.ts';

export type Tunnels = Set<Tunnel>;

/**
 * One WebSocket on its way: authorized first, then the upstream is asked, and its 101 or its refusal is what the client
 * gets; after a 101 the two sockets are spliced and nothing is parsed but frame headers towards the client, so that a close
 * frame can be put between two frames when the right to the stream ends.
 */
export class Tunnel {
  readonly canonical: CanonicalRequest;
  readonly target: Target;
  readonly requestId = nextRequestId();
  visitor: Visitor | undefined = undefined;
  verdict = '';
  reason = '';
  decisionId: string | undefined = undefined;

  readonly #client: Duplex;
  readonly #head: Buffer;
  readonly #context: ExchangeContext;
  readonly #tunnels: Tunnels;
  readonly #startedAt = performance.now();
  readonly #boundary = createFrameBoundary();
  #upstream: Socket | undefined;
  #status = 0;
  #bytesOut = 0;
  #upstreamMs: number | undefined;
  #isOver = false;
  #holdsSlot = false;
  #closeLive: (() => void) | undefined;
  #leaveSession: (() => void) | undefined;

  constructor(
    client: Duplex,
    head: Buffer,
    canonical: CanonicalRequest,
    target: Target,
    context: ExchangeContext,
    tunnels: Tunnels,
  ) {
    this.#client = client;
    this.#head = head;
    this.canonical = canonical;
    this.target = target;
    this.#context = context;
    this.#tunnels = tunnels;
    tunnels.add(this);
    client.on('error', () => undefined);
    client.once('close', () => this.#finish());
  }

  refuse(refusal: Refusal): void {
    this.reason = refusal.reasonCode;
    this.#status = refusal.status;
    refuseUpgrade(this.#client, refusal, this.requestId);
  }

  /** Dials the upstream and asks it for the upgrade. The client's socket stays unread until there is an answer. */
  forward(identity: FieldBlock | undefined): void {
    if (this.#isOver) return;
    const { backend } = this.target;
    const { visitor } = this;
    const { sessionStreams } = this.#context;
    if (visitor !== undefined && !sessionStreams.hasRoom(visitor.session.centralId)) {
      return this.refuse(tooManyStreams());
    }
    if (!backend.admission.openStream()) return this.refuse(upstreamFailed('upstream_busy', this.target.route));
    this.#holdsSlot = true;
    if (visitor !== undefined) this.#leaveSession = sessionStreams.open(visitor.session.centralId);
    backend.dial((error, upstream) => {
      if (error !== null || upstream === null) return this.#fail(error ?? new Error('no connection'));
      upstream.on('error', () => undefined);
      if (this.#isOver) return void upstream.destroy();
      this.#upstream = upstream;
      this.#ask(upstream, identity);
    });
  }

  #ask(upstream: Socket, identity: FieldBlock | undefined): void {
    const { fixedHeaders } = this.target;
    const headers = [
      ...fixedHeaders.fields,
      ...(identity?.fields ?? []),
      ...upstreamHeaders(this.canonical, false, this.#context.trace),
    ];
    headers.push('connection', 'Upgrade', 'upgrade', 'websocket');
    const asked = httpRequest({
      method: 'GET',
      path: this.canonical.target,
      headers,
      setHost: false,
      createConnection: () => upstream,
      maxHeaderSize: this.#context.limits.answerHeaderBytes,
    });
    const timer = setTimeout(() => asked.destroy(timedOut()), this.#context.limits.firstByteMs);
    asked.once('close', () => clearTimeout(timer));
    asked.on('error', (error) => this.#fail(error));
    asked.once('response', (answer) => {
      clearTimeout(timer);
      this.#relayRefusal(answer);
    });
    asked.once('upgrade', (answer, socket, head) => {
      clearTimeout(timer);
      this.#splice(answer, socket, head);
    });
    asked.end();
  }

  /** The upstream said no: its status and body, on a connection that then ends (catalogue W2). */
  #relayRefusal(answer: IncomingMessage): void {
    if (this.#isOver) return void answer.destroy();
    const status = answer.statusCode ?? 502;
    this.#status = status;
    this.reason = 'upstream_refused_upgrade';
    this.#client.write(
      headText(status, answer.statusMessage, clientHeaders(answerHeaders(answer), this.target), 'close'),
      'latin1',
    );
    answer.on('data', (chunk: Buffer) => (this.#bytesOut += chunk.length));
    answer.on('error', () => this.#client.destroy());
    answer.pipe(this.#client);
    this.#client.resume();
  }

  #splice(answer: IncomingMessage, upstream: Socket, head: Buffer): void {
    if (this.#isOver) return void upstream.destroy();
    const client = this.#client;
    this.#status = 101;
    this.#upstreamMs = performance.now() - this.#startedAt;
    this.#context.trace?.end(this.#entry(0));
    const headers = clientHeaders(answerHeaders(answer), this.target);
    headers.push('upgrade', 'websocket');
    client.write(headText(101, answer.statusMessage, headers, 'Upgrade'), 'latin1');

    const { streamIdleMs } = this.#context.limits;
    if ('setTimeout' in client) {
      const socket = client as Socket;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      socket.setTimeout(streamIdleMs, () => this.close('idle', 1001, 'idle'));
    }
    upstream.setTimeout(0);
    upstream.setNoDelay(true);
    upstream.once('close', () => (client.writableLength > 0 ? client.end() : client.destroy()));
    upstream.once('end', () => client.end());
    client.on('drain', () => upstream.resume());
    upstream.on('data', (chunk: Buffer) => this.#relay(chunk, upstream));
    if (head.length > 0) this.#relay(head, upstream);
    if (this.#head.length > 0) upstream.write(this.#head);
    client.pipe(upstream);
    this.#register();
  }

  #relay(chunk: Buffer, upstream: Socket): void {
    this.#boundary.push(chunk);
    this.#bytesOut += chunk.length;
    if (!this.#client.write(chunk)) upstream.pause();
  }

  /** The right may have ended while we dialled, so it is asked once more as soon as the stream can be found and cut. */
  #register(): void {
    const { visitor } = this;
    if (visitor === undefined) return;
    const { gate, live } = this.#context;
    const { route } = this.target;
    const isStillAllowed = () => gate.isStillAllowed(this.canonical.cookie, this.canonical, route);
    this.#closeLive = live.open({
      kind: 'websocket',
      sessionId: visitor.session.centralId,
      userId: visitor.principal.id,
      username: visitor.principal.username,
      host: route.host,
      isStillAllowed,
      close: (reason) => this.close(reason, 1008, 'revoked'),
    });
    isStillAllowed().then(
      (isAllowed) => !isAllowed && this.close('no longer allowed', 1008, 'revoked'),
      () => this.close('no longer allowed', 1008, 'revoked'),
    );
  }

  /** Cuts the upstream now; the client hears a close frame if that can be told from data, and is cut at the latest after a second. */
  close(told: string, code: number, reason: string): void {
    if (this.#isOver) return;
    this.reason = reason;
    const client = this.#client;
    const upstream = this.#upstream;
    const mayTell = this.#status === 101 && this.#boundary.isBetweenFrames() && client.writable;
    if (upstream !== undefined) {
      upstream.removeAllListeners('data').removeAllListeners('close').removeAllListeners('end');
      client.unpipe(upstream);
      upstream.destroy();
    }
    if (!mayTell) return void client.destroy();
    client.end(closeFrame(code, told));
    client.resume();
    setTimeout(() => client.destroy(), closeGraceMs).unref();
  }

  #fail(error: Error): void {
    if (this.#isOver || this.#status !== 0) return;
    const failure = failureOf(error);
    const { requestId } = this;
    this.#context.log.warn({ requestId, host: this.target.route.host, reason: failure, err: error }, 'upstream failed');
    this.#upstream?.destroy();
    this.refuse(upstreamFailed(failure, this.target.route));
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tunnels.delete(this);
    this.#closeLive?.();
    this.#leaveSession?.();
    if (this.#holdsSlot) this.target.backend.admission.closeStream();
    const bytesIn = this.#upstream?.bytesWritten ?? 0;
    this.#upstream?.destroy();
    this.#context.onAccess(this.#entry(bytesIn));
  }

  #entry(bytesIn: number): AccessEntry {
    return {
      requestId: this.requestId,
      method: this.canonical.method,
      host: this.canonical.host,
      path: this.canonical.path,
      status: this.#status === 0 ? 499 : this.#status,
      user: this.visitor?.principal.username ?? '',
      route: this.target.route.name,
      verdict: this.verdict,
      reason: this.reason,
      ...(this.decisionId === undefined ? {} : { decisionId: this.decisionId }),
      address: this.canonical.address,
      protocol: 'ws',
      bytesIn,
      bytesOut: this.#bytesOut,
      totalMs: performance.now() - this.#startedAt,
      ...(this.#upstreamMs === undefined ? {} : { upstreamMs: this.#upstreamMs }),
    };
  }
}

const closeGraceMs = 1_000;

function answerHeaders({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
}

function timedOut(): Error {
  return Object.assign(new Error('no answer to the upgrade'), { code: 'ETIMEDOUT' });
}

/** The parser that read these values accepts no CR, LF or NUL in them. */
function headText(
  status: number,
  message: string | undefined,
  headers: readonly (string | string[])[],
  connection: string,
): string {
  let text = `HTTP/1.1 ${status} ${message ?? STATUS_CODES[status] ?? ''}\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1]!;
    for (const line of typeof value === 'string' ? [value] : value) text += `${String(headers[index])}: ${line}\r\n`;
  }
  return `${text}connection: ${connection}\r\n\r\n`;
}
