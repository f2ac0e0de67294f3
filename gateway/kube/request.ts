export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export type KubeRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query;
  headers?: Record<string, string | string[]>;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
  /** How long the head of the answer and each part of its body may take; 30 s. Milliseconds, 0 for ever. */
  timeoutMs?: number;
  /** Its body comes for as long as it lives, in its own time, and on a connection that requests do not wait for. */
  isStream?: boolean;
  /** Whether it may be sent twice; by default what its method says. */
  isRepeatable?: boolean;
};
