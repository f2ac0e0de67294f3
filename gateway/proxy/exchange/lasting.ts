import { type CanonicalRequest, shownName } from '../../lib/index.ts';
import type { LiveKind, LiveStream } from '../../live/index.ts';
import type { Visitor } from '../judge/gate.ts';
import type { Target } from '../upstream/upstreams.ts';
import type { ExchangeContext } from './context.ts';

/** A request or a tunnel that goes on for longer than a moment. */
export type LastingSubject = {
  readonly canonical: CanonicalRequest;
  readonly target: Target;
  /** Its right has ended: cut it, and say `told` where the protocol can. */
  revoke(told: string): void;
};

/**
 * What somebody's stream owes to those who may end it: it is counted for its sign-in, and stands in the registry of live streams, so
 * that it is found and cut when its right ends. Only what lasts makes one; most requests are over before.
 */
export class Lasting implements LiveStream {
  kind: LiveKind = 'request';
  readonly #subject: LastingSubject;
  readonly #visitor: Visitor;
  readonly #context: ExchangeContext;
  readonly #leaveSession: () => void;
  #leaveRegistry: (() => void) | undefined;

  /** Counts from now on; whether the sign-in has room is for the caller to ask. */
  constructor(subject: LastingSubject, visitor: Visitor, context: ExchangeContext) {
    this.#subject = subject;
    this.#visitor = visitor;
    this.#context = context;
    this.#leaveSession = context.sessionStreams.open(visitor.session.centralId);
  }

  get sessionId(): string {
    return this.#visitor.session.centralId;
  }

  get hostSessionId(): string {
    return this.#visitor.session.id;
  }

  get userId(): string {
    return this.#visitor.principal.id;
  }

  get username(): string {
    return shownName(this.#visitor.principal);
  }

  get host(): string {
    return this.#subject.target.route.host;
  }

  /** Can be found and cut from now on. The right may have ended before, so it is asked for once more. */
  register(kind: LiveKind): void {
    if (this.#leaveRegistry !== undefined) return;
    this.kind = kind;
    this.#leaveRegistry = this.#context.live.open(this);
    this.isStillAllowed().then(
      (isAllowed) => !isAllowed && this.close('no longer allowed'),
      () => this.close('no longer allowed'),
    );
  }

  isStillAllowed(): Promise<boolean> {
    const { canonical, target } = this.#subject;
    const goesOn = this.kind === 'websocket' || this.kind === 'events';
    const { principal } = this.#visitor;
    return this.#context.gate.isStillAllowed(canonical, canonical, target.route, { principal, goesOn });
  }

  /** Called by the registry. */
  close(told: string): void {
    this.#subject.revoke(told);
  }

  /** The stream is over. */
  end(): void {
    this.#leaveRegistry?.();
    this.#leaveSession();
  }
}
