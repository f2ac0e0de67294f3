import { type KnotError, knotError } from '../lib/index.ts';
import type { NamespacedPaths } from './namespaced.ts';
import { parseUpstream, socketUpstream, type Upstream, upstreamAddress } from './upstream.ts';

/** Everything the hot path needs to know about a host. Plain data: stored as JSON, compared by value. */
export type Route = {
  /** Exact, lower case, without port. */
  host: string;
  /** `jupyterhub`, `echo`: unique, the label of the host. */
  name: string;
  /** `discovered`: what somebody made in the cluster themselves; to the rules it is a service of theirs, and nobody manages it here. */
  kind: 'integration' | 'app' | 'service' | 'discovered';
  /** Whose it is, of a service or what was discovered and of nothing else: every path of it is the Service `owner/label`. */
  service?: ServiceFacts;
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
  /** Paths that lead into the namespace of a person or team: the Service `<name>/OWNER`, as with `ownedPrefixes`. */
  namespaces?: NamespacedPaths;
  /**
   * Pages of the upstream that are not for people who are here by Knot, such as a sign-in of its own: exact path to where whoever opens it
   * is led, a path of this host in which `{}` is the person's own namespace. Behind it may stand one parameter that says where it goes on
   * from there (`/sign-in?next=/page/{}`); whoever comes with one of that name goes on there instead.
   */
  leads?: Readonly<Record<string, string>>;
  switches: {
    /** `%2F` and `%5C` in the path are passed on (Jupyter, Harbor). */
    encodedSlash: boolean;
    /** Methods beyond GET HEAD POST PUT PATCH DELETE OPTIONS. */
    methods: readonly string[];
    /** `//` inside the path is passed on. */
    doubleSlash?: boolean;
    /** `;` in the path is passed on. */
    pathParameters?: boolean;
    /** Other origins (`https://…`) whose pages may send requests that change something. */
    crossOrigins?: readonly string[];
    /** The only groups the upstream is told of; all of them when there are none here. */
    groups?: readonly string[];
    /** What a personal token must be made for (`kubernetes`), with which a person's programs come here; without it there are none. */
    programs?: string;
    /** Tokens of the upstream's own (JSON Web Tokens) are judged by the upstream alone: who shows one is forwarded without being named. */
    ownTokens?: boolean;
    /** Fields (in lower case) by which the upstream is told who asks, in place of the gateway's own. */
    identityFields?: IdentityFields;
    /**
     * What no client may tell this upstream: fields (in lower case) by which the gateway names people, and cookies of the upstream's own
     * sign-in, which would outrank them.
     */
    withheld?: { headers: readonly string[]; cookies: readonly string[] };
    /**
     * Cookies (of the path `/`, exact names) in which the upstream keeps a sign-in of its own. They are tied to the session of this host in
     * which the upstream gave them, and taken from a browser where another begins, so that nobody goes on as who was there before.
     */
    ownSignIn?: readonly string[];
  };
};

/** Names of fields; `token` holds what X-Knot-Assertion would. */
export type IdentityFields = { user?: string; email?: string; groups?: string; token?: string };

/** `id` never changes; `label` is what its owner calls it, `owner` the name of a person or a team. */
export type ServiceFacts = { id: string; label: string; owner: string; isTeam: boolean };

const kinds: readonly Route['kind'][] = ['integration', 'app', 'service', 'discovered'];
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const plainPath = /^\/(?:[A-Za-z0-9._~-]+(?:\/(?=[^/])|\/?$))*$/;
const method = /^[A-Z][A-Z-]{0,31}$/;

/**
 * Checks a route and returns it in the one form that is stored: known keys, fixed order, frozen.
 * @throws KNOT_ROUTES_INVALID, KNOT_ROUTES_UPSTREAM_INVALID
 */
export function normalRoute(route: Route): Route {
  const { host, name, kind, title, audience, upstream, ownedPrefixes, untouchedPrefixes, switches } = route;
  if (!label.test(name))
    throw invalid(name, 'name', `"${name}" is not a host label (a–z, 0–9 and - inside, 63 at most)`);
  const parts = host.split('.');
  if (parts[0] !== name || parts.length < 2 || host.length > 253 || !parts.every((part) => label.test(part))) {
    throw invalid(name, 'host', `"${host}" is not "${name}" below the domain, in lower case and without port`);
  }
  if (/^[0-9]+$/.test(parts.at(-1) ?? '')) throw invalid(name, 'host', `"${host}" looks like an IP address`);
  if (!kinds.includes(kind)) throw invalid(name, 'kind', `must be one of ${kinds.join(', ')}`);
  if ((kind === 'service' || kind === 'discovered') !== (route.service !== undefined))
    throw invalid(name, 'service', 'must be there for services, and for them alone');
  if (kind !== 'service' && upstream.socket !== undefined)
    throw invalid(name, 'upstream', 'may be a socket for services alone');
  if (audience !== 'everyone' && audience !== 'admins') throw invalid(name, 'audience', 'must be everyone or admins');
  if (typeof title !== 'string' || title.length === 0 || title.length > 200) {
    throw invalid(name, 'title', 'must be a text of 1 to 200 characters');
  }
  return freeze({
    host,
    name,
    kind,
    ...(route.service && { service: normalService(name, route.service) }),
    title,
    audience,
    upstream: normalUpstream(upstream),
    ownedPrefixes: ownedPrefixes.map((prefix) => checkOwnedPrefix(name, prefix)),
    untouchedPrefixes: untouchedPrefixes.map((prefix) => checkPath(name, 'untouchedPrefixes', prefix)),
    ...(route.namespaces && { namespaces: normalNamespaces(name, route.namespaces) }),
    ...(route.leads && { leads: normalLeads(route) }),
    switches: {
      encodedSlash: switches.encodedSlash === true,
      methods: switches.methods.map((verb) => {
        if (!method.test(verb)) throw invalid(name, 'switches.methods', `"${verb}" is not a method in upper case`);
        return verb;
      }),
      ...(switches.doubleSlash === true && { doubleSlash: true }),
      ...(switches.pathParameters === true && { pathParameters: true }),
      ...(isSet(switches.crossOrigins) && { crossOrigins: Object.freeze([...switches.crossOrigins]) }),
      ...(isSet(switches.groups) && { groups: Object.freeze([...switches.groups]) }),
      ...(switches.programs !== undefined && { programs: switches.programs }),
      ...(isSet(switches.ownSignIn) && { ownSignIn: normalCookies(name, switches.ownSignIn) }),
      ...(switches.ownTokens === true && { ownTokens: true }),
      ...(switches.identityFields && { identityFields: Object.freeze({ ...switches.identityFields }) }),
      ...normalWithheld(name, switches),
    },
  });
}

/** RFC 6265 section 4.1.1: a name is a token (RFC 9110 section 5.6.2). */
function normalCookies(route: string, names: readonly string[]): readonly string[] {
  for (const name of names)
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw invalid(route, 'switches.ownSignIn', `"${name}" is no name of a cookie`);
  return Object.freeze([...names]);
}

function isSet(list: readonly string[] | undefined): list is readonly string[] {
  return list !== undefined && list.length > 0;
}

function normalService(name: string, { id, label: called, owner, isTeam }: ServiceFacts): ServiceFacts {
  if (typeof id !== 'string' || id === '') throw invalid(name, 'service.id', 'must not be empty');
  for (const [field, text] of [
    ['label', called],
    ['owner', owner],
  ] as const)
    if (!label.test(text)) throw invalid(name, `service.${field}`, `"${text}" is not a host label`);
  return Object.freeze({ id, label: called, owner, isTeam: isTeam === true });
}

function normalNamespaces(
  name: string,
  { prefix, paths, query, wide, plain, refused }: NamespacedPaths,
): NamespacedPaths {
  if (!/^[a-z][a-z0-9-]*-$/.test(prefix)) throw invalid(name, 'namespaces.prefix', `"${prefix}" must end in -`);
  for (const path of paths)
    if (!/^(?:\/(?:[A-Za-z0-9._-]+|\*|\{\}))+$/.test(path) || path.split('{}').length !== 2)
      throw invalid(name, 'namespaces.paths', `"${path}" must be a path with one {} in place of a segment`);
  for (const path of [query?.paths ?? [], wide ?? [], plain ?? [], refused ?? []].flat())
    if (!/^(?:\/|(?:\/(?:[A-Za-z0-9._-]+|\*))+\/?(?:\*\*)?)$/.test(path))
      throw invalid(name, 'namespaces', `"${path}" must be a path of plain segments and *`);
  return Object.freeze({
    prefix,
    paths: Object.freeze([...paths]),
    ...(query && { query: Object.freeze({ ...query, paths: Object.freeze([...query.paths]) }) }),
    ...(wide && { wide: Object.freeze([...wide]) }),
    ...(plain && { plain: Object.freeze([...plain]) }),
    ...(refused && { refused: Object.freeze([...refused]) }),
  });
}

/** RFC 9110 section 5.1, RFC 6265 section 4.1.1. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** By which the gateway names people is among what clients cannot send. */
function normalWithheld(name: string, { withheld, identityFields = {} }: Route['switches']) {
  const headers = [...new Set([...(withheld?.headers ?? []), ...Object.values(identityFields)])];
  const cookies = withheld?.cookies ?? [];
  for (const [kind, names] of Object.entries({ headers, cookies }))
    for (const one of names)
      if (!token.test(one) || one !== one.toLowerCase())
        throw invalid(name, `switches.withheld.${kind}`, `"${one}" is not a name in lower case`);
  if (headers.length + cookies.length === 0) return {};
  return { withheld: Object.freeze({ headers: Object.freeze(headers), cookies: Object.freeze([...cookies]) }) };
}

function normalLeads({ name, leads = {}, namespaces }: Route): Readonly<Record<string, string>> {
  for (const [path, to] of Object.entries(leads)) {
    checkPath(name, 'leads', path);
    const [page = '', parameter] = to.replace('{}', 'x').split('?', 2);
    checkPath(name, 'leads', page);
    if (parameter !== undefined) checkPath(name, 'leads', parameter.replace(/^[a-z_]+=/, ''));
    if (to.includes('{}') && namespaces === undefined) throw invalid(name, 'leads', `"${to}" needs namespaces`);
  }
  return Object.freeze({ ...leads });
}

function normalUpstream(upstream: Upstream): Upstream {
  if (upstream.socket !== undefined) return socketUpstream(upstream.socket);
  return parseUpstream(upstreamAddress(upstream), {
    allowLoopback: upstream.allowLoopback === true,
    ...(upstream.ca === undefined ? {} : { ca: upstream.ca }),
    ...(upstream.http2 === true && { http2: true }),
  });
}

function checkPath(name: string, field: string, path: string): string {
  if (!plainPath.test(path) || /\/\.{1,2}(\/|$)/.test(path)) {
    throw invalid(name, field, `"${path}" is not a plain absolute path`);
  }
  return path;
}

function checkOwnedPrefix(name: string, prefix: string): string {
  if (!prefix.endsWith('/') || prefix === '/') {
    throw invalid(name, 'ownedPrefixes', `"${prefix}" must be a path that ends in / and is not / itself`);
  }
  return checkPath(name, 'ownedPrefixes', prefix);
}

function freeze(route: Route): Route {
  Object.freeze(route.upstream);
  Object.freeze(route.ownedPrefixes);
  Object.freeze(route.untouchedPrefixes);
  Object.freeze(route.switches.methods);
  Object.freeze(route.switches);
  return Object.freeze(route);
}

function invalid(route: string, field: string, reason: string): KnotError {
  return knotError('KNOT_ROUTES_INVALID', 400, `The route "${route}" is refused: ${field} ${reason}.`, {
    remedy: 'Correct the integration or app in knot.yaml.',
    details: { route, field },
  });
}
