import { Use } from './use.ts';

/** A request or WebSocket that is counted while it goes on: how much of what it moved was told already. Both begin at 0. */
export type Counted = { countedIn: number; countedOut: number };

/**
 * What went through the gateway to one service, from when it was first asked for. One object for each route, counted in place: what
 * counts is on the hot path, and whoever wants numbers over time reads it now and then.
 */
export class Traffic {
  requests = 0;
  /** Of those, answered with 500 and above, by the service or in its place. */
  errors = 0;
  /** Bytes of bodies and WebSockets, from people and to them. */
  received = 0;
  sent = 0;
  /** It is not ready, whatever answers there already: nobody is let through, and everybody is told how far it is. */
  isHeld = false;
  /** When people used it last. */
  readonly use = new Use();

  /** One that is over, with all bytes it moved. */
  ended(one: Counted, status: number, received: number, sent: number): void {
    this.requests += 1;
    if (status >= 500) this.errors += 1;
    this.moved(one, received, sent);
  }

  /** All bytes that one moved up to now; what was not told before is counted. */
  moved(one: Counted, received: number, sent: number): void {
    this.received += received - one.countedIn;
    this.sent += sent - one.countedOut;
    one.countedIn = received;
    one.countedOut = sent;
  }
}
