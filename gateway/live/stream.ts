export type LiveKind = 'websocket' | 'events' | 'download' | 'upload' | 'request';

/** A stream that is open now. `close` must cut it at once; `reason` is shown to the client where the protocol can carry it. */
export type LiveStream = {
  kind: LiveKind;
  /** Central session id. */
  sessionId: string;
  /** Id of the host session it was opened in; undefined on the main host. */
  hostSessionId?: string | undefined;
  userId: string;
  username: string;
  /** Host of the route. */
  host: string;
  /** Whether it would still be allowed now; called on policy reload and on changes of the principal. */
  isStillAllowed(): boolean | Promise<boolean>;
  close(reason: string): void;
};

export type Live = {
  /** Registers an open stream; call the result when it ended by itself. */
  open(stream: LiveStream): () => void;
  /** Closes the streams of a sign-in, or, by the id of a host session, those that were opened in it. */
  closeSession(sessionId: string, reason: string): number;
  /** Whether a stream is open in a sign-in or in a host session. */
  isInUse(sessionId: string): boolean;
  /**
   * Asks every stream, or those of one person or of some hosts, whether it is still allowed, and closes those that are not. Requests
   * are served in between.
   */
  rejudge(which?: { userId: string } | { hosts: readonly string[] }): Promise<number>;
  count(): number;
};
