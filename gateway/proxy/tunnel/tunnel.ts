import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AccessEntry, CanonicalRequest, Counted } from '../../lib/index.ts';
import type { AnswerHead } from '../wire/answer-head.ts';
import type { FieldBlock } from '../wire/field-block.ts';
import type { Visitor } from '../judge/gate.ts';
import { routedEntry } from '../message/access-entry.ts';
import type { Refusal } from '../message/answers.ts';
import { tooManyStreams, upstreamFailed } from '../message/refusals.ts';
import { refuseUpgrade } from '../message/refuse-upgrade.ts';
import { nextRequestId } from '../message/request-id.ts';
import type { ForwardHandler } from '../upstream/forwarder.ts';
import { requestHead } from '../upstream/request-head.ts';
import type { Target } from '../upstream/upstreams.ts';
import type { ExchangeContext } from '../exchange/context.ts';
import { Lasting, type LastingSubject } from '../exchange/lasting.ts';
import { upstreamHeaders, withoutHeaders } from '../exchange/request-headers.ts';
import { clientHeaders } from '../exchange/response-headers.ts';
import type { Swept } from '../exchange/swept.ts';
import { Timings } from '../exchange/timings.ts';
import { failedRefusal } from '../exchange/upstream-failure.ts';
import { Splice } from './splice.ts';
import { headText, upgradeRefusal } from './upgrade-answer.ts';
import { requestUpgrade, type UpgradeHandler } from './upgrade-request.ts';
import { TunnelWatch } from './watch.ts';

/** The tunnel a client's socket belongs to: its listener is a shared function, because thousands of sockets idle at once. */
const tunnelOf = Symbol('tunnel');
type Tagged = Duplex & { [tunnelOf]?: Tunnel };

/**
 * One WebSocket on its way, from the request for it to the last byte: authorized first, then the upstream is asked, and its 101 or its
 * refusal is what the client gets. After a 101 the two sockets are spliced.
 *
 *     constructor ─▶ (judged by `proxy.ts`) ─▶ forward ─▶ onConnect ─┬─▶ onUpgrade ─▶ `splice.ts` ─▶ finish
 *                            │                    │                  └─▶ onRefusal, which is relayed ─▶ finish
 *                            └────── refuse ◀─────┴── onError
 */
export class Tunnel implements LastingSubject, UpgradeHandler, Counted {
  /** Without its headers once they were forwarded. */
  canonical: CanonicalRequest;
  readonly target: Target;
  readonly requestId = nextRequestId();
  visitor: Visitor | undefined = undefined;
  verdict = '';
  reason = '';
  decisionId: string | undefined = undefined;
  readonly timings = new Timings();
  countedIn = 0;
  countedOut = 0;

  readonly #client: Tagged;
  /** What the client sent behind its request; kept until there is somebody to send it to. */
  #head: Buffer | undefined;
  readonly #context: ExchangeContext;
  readonly #tunnels: Swept<Tunnel>;
  readonly #watch = new TunnelWatch();
  #upstream: Socket | undefined;
  #splice: Splice | undefined;
  /** Of the answer; 0 before there is one. */
  #status = 0;
  /** Of an upstream's refusal. */
  #refusalBytes = 0;
  #isOver = false;
  #isEnding = false;
  #holdsSlot = false;
  #lasting: Lasting | undefined;

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

  /** Answers in the gateway's own name and ends the tunnel. */
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
    if (visitor !== undefined && !this.#context.sessionStreams.hasRoom(visitor.session.centralId)) {
      return this.refuse(tooManyStreams());
    }
    if (!backend.admission.openStream()) return this.refuse(upstreamFailed('upstream_busy', this.target.route));
    this.#holdsSlot = true;
    if (visitor !== undefined) this.#lasting = new Lasting(this, visitor, this.#context);
    this.timings.admittedAt = performance.now();
    requestUpgrade(backend.dial, this.#requestHead(identity), this.#context.limits, this);
  }

  #requestHead(identity: FieldBlock | undefined): string {
    const { canonical, target } = this;
    const headers = upstreamHeaders(canonical, false, target.route, this.#context.trace);
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
    if (this.#isOver || this.#status !== 0) return;
    this.#upstream?.destroy();
    this.refuse(failedRefusal(error, this, this.#context));
  }

  /** The upstream said no: its status and body, on a connection that then ends (catalogue W2). */
  get onRefusal(): ForwardHandler {
    return upgradeRefusal(this.#client, this.target, this.canonical.cookie, {
      onHead: (status) => {
        this.#answered(status);
        this.reason = 'upstream_refused_upgrade';
      },
      onBytes: (count) => {
        this.#refusalBytes += count;
        this.#watch.hasMoved = true;
      },
      onError: (error) => this.onError(error),
    });
  }

  onUpgrade({ message, headers: answer }: AnswerHead): void {
    const upstream = this.#upstream!;
    if (this.#isOver) return void upstream.destroy();
    this.#answered(101);
    this.#context.trace?.end(this.#entry(0));
    const headers = clientHeaders(answer, this.target, this.canonical.cookie);
    headers.push('upgrade', 'websocket');
    this.#client.write(headText(101, message, headers, 'Upgrade'), 'latin1');
    this.canonical = withoutHeaders(this.canonical, this.target.route);
    this.#splice = new Splice(this.#client, upstream, this.#head, this.#watch, this.target.traffic?.use);
    this.#head = undefined;
    this.#lasting?.register('websocket');
  }

  onData(bytes: Buffer): void {
    this.#splice!.relayToClient(bytes);
  }

  #answered(status: number): void {
    this.#status = status;
    const now = performance.now();
    this.timings.answeredAt = now;
    this.#watch.begin(now);
  }

  /** Called by the one timer of all tunnels: ends what idles, asks a silent client for a sign of life. */
  tick(now: number): void {
    if (this.#status === 0 || this.#isEnding) return;
    const { traffic } = this.target;
    traffic?.moved(this, this.#upstream?.bytesWritten ?? 0, this.#splice?.bytesOut ?? 0);
    if (traffic?.use.isKeptByConnections === true) traffic.use.lastAt = now;
    const found = this.#watch.look(now, this.#context.limits, this.#splice);
    if (found === 'idle') this.end('idle', 1001, 'idle');
    else if (found === 'ping') this.#splice!.ping(now);
    else if (found === 'silent') this.end('no answer to a ping', 1001, 'client_silent');
  }

  /** The right to the stream has ended. */
  revoke(told: string): void {
    this.end(told, 1008, 'revoked');
  }

  /** Ends both sides; a client that is in a WebSocket already is told why, as far as it can be (`Splice.end`). */
  end(told: string, code: number, reason: string): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    this.reason = reason;
    if (this.#splice !== undefined) return this.#splice.end(told, code);
    this.#upstream?.removeAllListeners('close').removeAllListeners('end').destroy();
    this.#client.destroy();
  }

  /** The client's side is closed, for whatever reason: free everything, write the access line. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tunnels.delete(this);
    this.#lasting?.end();
    if (this.#holdsSlot) this.target.backend.admission.closeStream();
    const bytesIn = this.#upstream?.bytesWritten ?? 0;
    this.#splice?.finish();
    this.#upstream?.destroy();
    const entry = this.#entry(bytesIn);
    this.target.traffic?.ended(this, entry.status, bytesIn, entry.bytesOut);
    this.#context.onAccess(entry);
  }

  #entry(bytesIn: number): AccessEntry {
    const status = this.#status === 0 ? 499 : this.#status;
    const bytesOut = this.#splice?.bytesOut ?? this.#refusalBytes;
    return routedEntry(this, { status, protocol: 'ws', bytesIn, bytesOut });
  }
}

function ignore(): void {
  return undefined;
}
function onClientClose(this: Tagged): void {
  this[tunnelOf]!.finish();
}
