import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Ticks, type Use } from '../../lib/index.ts';
import type { TunnelWatch, WatchedSplice } from './watch.ts';
import { closeFrame, FrameReader, pingFrame } from './ws-frames.ts';
import { PongFilter } from './ws-pongs.ts';

/** The splice a socket belongs to: its listeners are shared functions, because thousands of sockets idle at once. */
const spliceOf = Symbol('splice');
type Tagged<S extends Duplex = Duplex> = S & { [spliceOf]?: Splice };

/**
 * The two sockets of a tunnel after the 101, each of which gets what the other one sends, as fast as it reads. Only frame headers are
 * looked at, so that a ping, or a close frame when the right to the stream ends, can be put between two frames towards the client,
 * and the answers to our pings be taken out.
 *
 *     client ── data ──▶ relayToUpstream (without our pongs) ──▶ upstream
 *     client ◀────────── relayToClient (pings, close) ◀───────── upstream, by `read`
 */
export class Splice implements WatchedSplice {
  readonly #client: Tagged;
  readonly #upstream: Tagged<Socket>;
  readonly #watch: TunnelWatch;
  readonly #fromUpstream = new FrameReader(false);
  readonly #fromClient = new PongFilter();
  /** Tells what a person does from what their page sends by itself, where that matters. */
  readonly #ticks: Ticks | undefined;
  readonly #use: Use | undefined;
  #framesBefore = 0;
  #bytesOut = 0;
  #isEnding = false;

  /** `head`: what the client sent behind its request. */
  constructor(client: Duplex, upstream: Socket, head: Buffer | undefined, watch: TunnelWatch, use?: Use) {
    this.#client = client;
    this.#upstream = upstream;
    this.#watch = watch;
    this.#use = use;
    this.#ticks = use && new Ticks();
    this.#client[spliceOf] = this.#upstream[spliceOf] = this;
    if ('setTimeout' in client) {
      const socket = client as Socket;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      socket.setTimeout(0);
    }
    upstream.on('close', onUpstreamClose);
    upstream.on('end', onUpstreamEnd);
    upstream.on('drain', onUpstreamDrain);
    client.on('drain', onClientDrain);
    client.on('end', onClientEnd);
    if (head !== undefined) this.relayToUpstream(head);
    client.on('data', onClientData);
  }

  /** What the upstream sends; see `Http1Response` for why bytes that need not wait need no copy. */
  relayToClient(bytes: Buffer): void {
    if (this.#isEnding) return;
    const client = this.#client;
    this.#fromUpstream.skim(bytes);
    this.#bytesOut += bytes.length;
    this.#watch.hasMoved = true;
    const kept = client.writableLength === 0 && client.writableCorked === 0 ? bytes : Buffer.from(bytes);
    if (!client.write(kept)) this.#upstream.pause();
  }

  relayToUpstream(chunk: Buffer): void {
    this.#watch.hasHeardClient = true;
    const bytes = this.#fromClient.push(chunk);
    if (this.#use !== undefined) this.#noteMessages(this.#use);
    if (bytes.length === 0) return;
    this.#watch.hasMoved = true;
    if (!this.#upstream.write(bytes)) this.#client.pause();
  }

  /** Pings and pongs are of the browser; a message that comes evenly is of a timer. */
  #noteMessages(use: Use): void {
    const { dataFrames, dataLength } = this.#fromClient;
    if (dataFrames === this.#framesBefore) return;
    this.#framesBefore = dataFrames;
    const now = performance.now();
    if (!this.#ticks!.isTick(dataLength, now)) use.lastAt = now;
  }

  resumeClient(): void {
    this.#client.resume();
  }

  resumeUpstream(): void {
    this.#upstream.resume();
  }

  /** The client sends no more. */
  endUpstream(): void {
    const held = this.#fromClient.flush();
    if (held === undefined) this.#upstream.end();
    else this.#upstream.end(held);
  }

  /** The upstream sends no more. */
  endClient(): void {
    this.#client.end();
  }

  /** The upstream is gone: the client gets what was sent before. */
  endOrDestroyClient(): void {
    const client = this.#client;
    if (client.writableLength > 0) client.end();
    else client.destroy();
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

  /** Asks a silent client for a sign of life, if that can be told from data now. */
  ping(now: number): void {
    const client = this.#client;
    const upstream = this.#fromUpstream;
    if (!upstream.isBetweenFrames || upstream.hasClosed || !client.writable || client.readableEnded) return;
    if (!this.#fromClient.canFind) return;
    this.#watch.pinged(now);
    client.write(pingFrame(this.#fromClient.expect()));
  }

  /** Cuts the upstream now; the client hears a close frame if that can be told from data, and is cut at the latest after a second. */
  end(told: string, code: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const client = this.#client;
    const upstream = this.#upstream;
    const mayTell = this.#fromUpstream.isBetweenFrames && client.writable;
    upstream.off('close', onUpstreamClose).off('end', onUpstreamEnd);
    client.off('data', onClientData).off('end', onClientEnd);
    upstream.destroy();
    if (!mayTell) return void client.destroy();
    client.end(closeFrame(code, told));
    client.resume();
    setTimeout(() => client.destroy(), closeGraceMs).unref();
  }

  /** The client's side is closed: what the upstream still sends is for nobody. */
  finish(): void {
    this.#isEnding = true;
  }
}

const closeGraceMs = 1_000;

function onClientData(this: Tagged, chunk: Buffer): void {
  this[spliceOf]!.relayToUpstream(chunk);
}
function onClientEnd(this: Tagged): void {
  this[spliceOf]!.endUpstream();
}
function onClientDrain(this: Tagged): void {
  this[spliceOf]!.resumeUpstream();
}
function onUpstreamClose(this: Tagged): void {
  this[spliceOf]!.endOrDestroyClient();
}
function onUpstreamEnd(this: Tagged): void {
  this[spliceOf]!.endClient();
}
function onUpstreamDrain(this: Tagged): void {
  this[spliceOf]!.resumeClient();
}
