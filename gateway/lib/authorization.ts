import type { Principal } from './principal.ts';

/** The vocabulary shared by routes (what is asked for), policy (the verdict) and proxy or API (who asks). */

export type Action =
  | 'open'
  | 'view'
  | 'launch'
  | 'manage'
  | 'share'
  | 'see'
  | 'stop'
  | 'remove'
  | 'reach'
  | 'listFiles'
  | 'readFiles'
  | 'writeFiles'
  | 'addFiles'
  | 'readMetrics'
  | 'administer'
  | 'impersonate';

/**
 * What a share of a thing lets somebody do: `view` (look at a service, list and read files), `open` (full use of a service),
 * `edit` (change files too), `upload` (hand files in, and see none).
 */
export const shareRights = ['view', 'open', 'edit', 'upload'] as const;
export type ShareRight = (typeof shareRights)[number];

export type ResourceType = 'Platform' | 'Integration' | 'Service' | 'Namespace' | 'FileArea';

export type Resource = {
  type: ResourceType;
  /** Stable id within the type: `knot` (Platform), `jupyterhub` (Integration), `jupyterhub/ann` (Service). */
  id: string;
  attributes: {
    name?: string;
    title?: string;
    /** `everyone` or `admins` for integrations and apps. */
    audience?: string;
    /** Name of the person or team that owns a Namespace, Service or FileArea; names are unique among both. */
    owner?: string;
    /** The owner again, when it is a team. */
    team?: string;
  };
  /** The integration a service belongs to, if any. */
  parent?: { type: ResourceType; id: string };
};

/** The whole platform as a resource: `administer` on it is what every admin page asks for. */
export const platform: Resource = { type: 'Platform', id: 'knot', attributes: { name: 'knot' } };

/** Facts of the request a policy may mention as `context.*`. */
export type RequestContext = {
  method: string;
  host: string;
  /** Once-decoded path without the query. */
  path: string;
  /** Client address, IPv4 or IPv6 without zone. */
  address: string;
  isUpgrade: boolean;
};

export type AuthorizationRequest = {
  principal: Principal;
  action: Action;
  resource: Resource;
  context: RequestContext;
  /** What shares of the resource let the principal do, in the order of `shareRights`; absent where nothing is shared. */
  shared?: readonly ShareRight[];
};

/** One rule that took part in a decision. */
export type RuleReference = {
  /** `@id("…")` of the rule, or `<file>#<n>` when it has none. */
  rule: string;
  /** File name relative to the policies folder. */
  file: string;
  line: number;
  effect: 'permit' | 'forbid';
};

export type Decision = {
  effect: 'allow' | 'deny';
  /** Rules that decided. Empty for a default deny. */
  rules: readonly RuleReference[];
  /** Version of the policy set that decided. */
  policyVersion: string;
  /** Stable reason code for logs: `permit`, `forbid`, `no_permit`, `evaluation_error`, `too_long`, `engine_failed`, `not_loaded`. */
  reason: string;
};

export type Authorize = (request: AuthorizationRequest) => Decision;
