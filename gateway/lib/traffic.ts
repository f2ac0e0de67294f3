import { Use } from './use.ts';

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

  /** One that lasts is counted in parts; its status with the first. */
  count(status: number, received: number, sent: number): void {
    this.requests += 1;
    if (status >= 500) this.errors += 1;
    this.move(received, sent);
  }

  move(received: number, sent: number): void {
    this.received += received;
    this.sent += sent;
  }
}
