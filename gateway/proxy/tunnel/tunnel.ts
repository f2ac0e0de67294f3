import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AccessEntry, CanonicalRequest } from '../../lib/index.ts';
import type { LiveStream } from '../../live/index.ts';
import { routedEntry } from '../message/access-entry.ts';
import type { AnswerHead } from '../wire/answer-head.ts';
import type { Refusal } from '../message/answers.ts';
import type { ExchangeContext } from '../exchange/context.ts';
import type { ForwardHandler } from '../upstream/forwarder.ts';
import type { Visitor } from '../judge/gate.ts';
import { failureOf, tooManyStreams, upstreamFailed } from '../message/refusals.ts';
import { upstreamHeaders, withoutHeaders } from '../exchange/request-headers.ts';
import type { FieldBlock } from '../wire/field-block.ts';
import { requestHead } from '../upstream/request-head.ts';
import { clientHeaders } from '../exchange/response-headers.ts';
import { headText, upgradeRefusal } from './upgrade-answer.ts';
import { refuseUpgrade } from '../message/refuse-upgrade.ts';
import { requestUpgrade, type UpgradeHandler } from './upgrade-request.ts';
import { nextRequestId } from '../message/request-id.ts';
import type { Swept } from '../exchange/swept.ts';
import { Timings } from '../exchange/timings.ts';
import { TunnelWatch, type WatchedTunnel } from './watch.ts';
import type { Target } from '../upstream/upstreams.ts';
import { closeFrame, FrameReader, pingFrame } from './ws-frames.ts';
import { PongFilter } from './ws-pongs.ts';

/** The tunnel a socket belongs to: its listeners are shared functions, because thousands of sockets idle at once. */
const tunnelOf = Symbol('tunnel');
type Tagged = Duplex & { [tunnelOf]?: Tunnel };

/**
 * One WebSocket on its way: authorized first, then the upstream is asked, and its 101 or its refusal is what the client
 * gets. After a 101 the two sockets are spliced and only frame headers are read, so that a ping, or a close frame when the right to
 * the stream ends, can be put between two frames towards the client, and the answers to our pings be taken out.
 */
export class Tunnel implements LiveStream, UpgradeHandler, WatchedTunnel {
  readonly kind = 'websocket';
  /** Without its headers once they were forwarded. */
  canonical: CanonicalRequest;
  readonly target: Target;
  readonly requestId = nextRequestId();
  visitor: Visitor | undefined = undefined;
  verdict = '';
  reason = '';
  decisionId: string | undefined = undefined;
  readonly timings = new Timings();

  readonly #client: Tagged;
  #head: Buffer | undefined;
  readonly #context: ExchangeContext;
  readonly #tunnels: Swept<Tunnel>;
  readonly #fromUpstream = new FrameReader(false);
  readonly #fromClient = new PongFilter();
  #upstream: (Socket & Tagged) | undefined;
  #status = 0;
  #bytesOut = 0;
  #isOver = false;
  #isEnding = false;
  #holdsSlot = false;
  #closeLive: (() => void) | undefined;
  #leaveSession: (() => void) | undefined;
  readonly #watch = new TunnelWatch();

  constructor(
    client: Duplex,
    head: Buffer,
    canonical: CanonicalRequest,
    target: Target,
    context: ExchangeContext,
    tunnels: Swept<Tunnel>,
  ) {
    this.#client = client;
    this.#head = head.length > 0 ? head : undefined;
    this.canonical = canonical;
    this.target = target;
    this.#context = context;
    this.#tunnels = tunnels;
    tunnels.add(this);
    this.#client[tunnelOf] = this;
    client.on('error', ignore);
    client.on('close', onClientClose);
  }

  get sessionId(): string {
    return this.visitor!.session.centralId;
  }

  get hostSessionId(): string {
    return this.visitor!.session.id;
  }

  get userId(): string {
    return this.visitor!.principal.id;
  }

  get username(): string {
    return this.visitor!.principal.username;
  }

  get host(): string {
    return this.target.route.host;
  }

  refuse(refusal: Refusal): void {
    this.reason = refusal.reasonCode;
    this.#status = refusal.status;
    this.#isEnding = true;
    refuseUpgrade(this.#client, refusal, this.requestId);
  }

  /** Dials the upstream and asks it for the upgrade. The client's socket stays unread until there is an answer. */
  forward(identity: FieldBlock | undefined): void {
    if (this.#isOver) return;
    this.timings.judgedAt = performance.now();
    const { backend } = this.target;
    const { visitor } = this;
    const { sessionStreams } = this.#context;
    if (visitor !== undefined && !sessionStreams.hasRoom(visitor.session.centralId)) {
      return this.refuse(tooManyStreams());
    }
    if (!backend.admission.openStream()) return this.refuse(upstreamFailed('upstream_busy', this.target.route));
    this.#holdsSlot = true;
    if (visitor !== undefined) this.#leaveSession = sessionStreams.open(visitor.session.centralId);
    this.timings.admittedAt = performance.now();
    requestUpgrade(backend.dial, this.#requestHead(identity), this.#context.limits, this);
  }

  #requestHead(identity: FieldBlock | undefined): string {
    const { canonical, target } = this;
    const headers = upstreamHeaders(canonical, false, this.#context.trace);
    headers.push('connection', 'Upgrade', 'upgrade', 'websocket');
    return requestHead({
      method: 'GET',
      path: canonical.target,
      blocks: identity === undefined ? [target.fixedHeaders] : [target.fixedHeaders, identity],
      headers,
      body: null,
      contentLength: undefined,
    });
  }

  onConnect(upstream: Socket): boolean {
    this.timings.connectedAt = performance.now();
    if (this.#isOver) return false;
    this.#upstream = upstream;
    return true;
  }

  onError(error: Error): void {
    this.#fail(error);
  }

  /** The upstream said no: its status and body, on a connection that then ends (catalogue W2). */
  get onRefusal(): ForwardHandler {
    return upgradeRefusal(this.#client, this.target, {
      onHead: (status) => {
        const now = performance.now();
        this.timings.answeredAt = now;
        this.#watch.begin(now);
        this.#status = status;
        this.reason = 'upstream_refused_upgrade';
      },
      onBytes: (count) => {
        this.#bytesOut += count;
        this.#watch.hasMoved = true;
      },
      onError: (error) => this.#fail(error),
    });
  }

  /** Splices the two sockets. */
  onUpgrade({ message, headers: answer }: AnswerHead): void {
    if (this.#isOver) return void this.#upstream!.destroy();
    const upstream = this.#upstream!;
    const client = this.#client;
    this.#status = 101;
    const now = performance.now();
    this.timings.answeredAt = now;
    this.#watch.begin(now);
    this.#context.trace?.end(this.#entry(0));
    const headers = clientHeaders(answer, this.target);
    headers.push('upgrade', 'websocket');
    client.write(headText(101, message, headers, 'Upgrade'), 'latin1');
    this.canonical = withoutHeaders(this.canonical);
    if ('setTimeout' in client) {
      const socket = client as Socket;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      socket.setTimeout(0);
    }
    upstream[tunnelOf] = this;
    upstream.on('close', onUpstreamClose);
    upstream.on('end', onUpstreamEnd);
    upstream.on('drain', onUpstreamDrain);
    client.on('drain', onClientDrain);
    client.on('end', onClientEnd);
    if (this.#head !== undefined) this.relayToUpstream(this.#head);
    this.#head = undefined;
    client.on('data', onClientData);
    this.#register();
  }

  /** What the upstream sends; see `Http1Response` for why bytes that need not wait need no copy. */
  onData(bytes: Buffer): void {
    if (this.#isEnding || this.#isOver) return;
    const client = this.#client;
    this.#fromUpstream.skim(bytes);
    this.#bytesOut += bytes.length;
    this.#watch.hasMoved = true;
    const kept = client.writableLength === 0 && client.writableCorked === 0 ? bytes : Buffer.from(bytes);
    if (!client.write(kept)) this.#upstream!.pause();
  }

  relayToUpstream(chunk: Buffer): void {
    this.#watch.hasHeardClient = true;
    const bytes = this.#fromClient.push(chunk);
    if (bytes.length === 0) return;
    this.#watch.hasMoved = true;
    if (!this.#upstream!.write(bytes)) this.#client.pause();
  }

  resumeClient(): void {
    this.#client.resume();
  }

  resumeUpstream(): void {
    this.#upstream?.resume();
  }

  endUpstream(): void {
    const held = this.#fromClient.flush();
    if (held === undefined) this.#upstream!.end();
    else this.#upstream!.end(held);
  }

  endClient(): void {
    this.#client.end();
  }

  loseUpstream(): void {
    const client = this.#client;
    if (client.writableLength > 0) client.end();
    else client.destroy();
  }

  get isSpliced(): boolean {
    return this.#status === 101;
  }

  get isClientHeldUp(): boolean {
    return this.#client.isPaused();
  }

  get waitingBytes(): number {
    return this.#client.writableLength;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  get canFindPong(): boolean {
    return this.#fromClient.canFind;
  }

  /** Called by the one timer of all tunnels: ends what idles, asks a silent client for a sign of life. */
  tick(now: number): void {
    if (this.#status === 0 || this.#isEnding) return;
    const found = this.#watch.look(now, this.#context.limits, this);
    if (found === 'idle') this.end('idle', 1001, 'idle');
    else if (found === 'ping') this.#ping(now);
    else if (found === 'silent') this.end('no answer to a ping', 1001, 'client_silent');
  }

  #ping(now: number): void {
    const client = this.#client;
    const upstream = this.#fromUpstream;
    if (!upstream.isBetweenFrames || upstream.hasClosed || !client.writable || client.readableEnded) return;
    if (!this.#fromClient.canFind) return;
    this.#watch.pinged(now);
    client.write(pingFrame(this.#fromClient.expect()));
  }

  isStillAllowed(): Promise<boolean> {
    return this.#context.gate.isStillAllowed(this.canonical.cookie, this.canonical, this.target.route);
  }

  /** The right may have ended while we dialled, so it is asked once more as soon as the stream can be found and cut. */
  #register(): void {
    if (this.visitor === undefined) return;
    this.#closeLive = this.#context.live.open(this);
    this.isStillAllowed().then(
      (isAllowed) => !isAllowed && this.close('no longer allowed'),
      () => this.close('no longer allowed'),
    );
  }

  /** The right to the stream has ended. */
  close(told: string): void {
    this.end(told, 1008, 'revoked');
  }

  /** Cuts the upstream now; the client hears a close frame if that can be told from data, and is cut at the latest after a second. */
  end(told: string, code: number, reason: string): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    this.reason = reason;
    const client = this.#client;
    const upstream = this.#upstream;
    const mayTell = this.#status === 101 && this.#fromUpstream.isBetweenFrames && client.writable;
    if (upstream !== undefined) {
      upstream.removeAllListeners('close').removeAllListeners('end');
      client.off('data', onClientData).off('end', onClientEnd);
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

  finish(): void {
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
    const status = this.#status === 0 ? 499 : this.#status;
    return routedEntry(this, { status, protocol: 'ws', bytesIn, bytesOut: this.#bytesOut });
  }
}

function ignore(): void {
  return undefined;
}
function onClientClose(this: Tagged): void {
  this[tunnelOf]!.finish();
}
function onClientData(this: Tagged, chunk: Buffer): void {
  this[tunnelOf]!.relayToUpstream(chunk);
}
function onClientEnd(this: Tagged): void {
  this[tunnelOf]!.endUpstream();
}
function onClientDrain(this: Tagged): void {
  this[tunnelOf]!.resumeUpstream();
}
function onUpstreamClose(this: Tagged): void {
  this[tunnelOf]!.loseUpstream();
}
function onUpstreamEnd(this: Tagged): void {
  this[tunnelOf]!.endClient();
}
function onUpstreamDrain(this: Tagged): void {
  this[tunnelOf]!.resumeClient();
}

const closeGraceMs = 1_000;
