import type { Resource } from '../lib/index.ts';

export type Upstream = {
  protocol: 'http:' | 'https:';
  hostname: string;
  port: number;
  /** PEM bundle to trust instead of the system's, for https. */
  ca?: string;
  /** Dialling loopback or link-local is refused unless the route says so (SSRF, catalogue U1). */
  allowLoopback: boolean;
};

/** Everything the hot path needs to know about a host. Plain data: stored as JSON, compared by value. */
export type Route = {
  /** Exact, lower case, without port. */
  host: string;
  /** `jupyterhub`, `echo`: unique, the label of the host. */
  name: string;
  kind: 'integration' | 'app';
  title: string;
  audience: 'everyone' | 'admins';
  upstream: Upstream;
  /**
   * Paths that belong to one person: after `prefix` comes a username, and the resource becomes the Service
   * `<name>/<username>` owned by that person (`/user/`, `/hub/user/`, …).
   */
  ownedPrefixes: readonly string[];
  /** Exact paths or prefixes (ending in `/`) that are forwarded without a session: non-browser clients with own tokens. */
  untouchedPrefixes: readonly string[];
  switches: {
    /** `%2F` and `%5C` in the path are passed on (Jupyter, Harbor). */
    encodedSlash: boolean;
    /** Methods beyond GET HEAD POST PUT PATCH DELETE OPTIONS. */
    methods: readonly string[];
  };
};

export type Routes = {
  /** The route of an exact host, or undefined (404). Synchronous: a map in memory, kept fresh by the change feed. */
  find(host: string): Route | undefined;
  list(): readonly Route[];
  /** What a request on this route asks for: the integration or app itself, or a person's own part of it. */
  resourceAt(route: Route, decodedPath: string): Resource;
  /** Replaces all routes of a kind by these, in one transaction. @throws KNOT_ROUTES_HOST_TAKEN */
  replace(kind: Route['kind'], routes: readonly Route[]): Promise<void>;
  onChange(listener: () => void): () => void;
};
