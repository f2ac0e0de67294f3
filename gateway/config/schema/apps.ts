import { type Static, Type } from 'typebox';
import { type AddProblem, hasPort, httpOrigin, object } from './section.ts';

/** What can stand in the first line of a request as it is. */
const pathPattern = '^/[!-"$-~]*$';

/** An absolute path that every upstream reads alike. */
const plainPath = /^\/(?:[A-Za-z0-9._~-]+(?:\/(?=[^/])|\/?$))*$/;
/** An origin as browsers write it (Fetch, "serializing a request origin"). */
const pageOrigin = /^https:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$/;
/** Groups stand in one field, divided by commas. */
const groupName = /^[!-+\--~]{1,100}$/;

const methodName = /^[A-Z][A-Z-]{0,31}$/;
/** Tunnels and echoes, which the proxy refuses on every route. */
const neverForwarded = new Set(['CONNECT', 'TRACE', 'TRACK']);
/** Where a host's own half of the sign-in answers, before any application. */
const reserved = /^\/\.knot(?:\/|$)/;

const label = '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$';

export const AppConfig = object(
  {
    name: Type.String({
      pattern: label,
      description: 'Host label: the application is reachable at https://NAME.DOMAIN.',
    }),
    upstream: Type.String({ pattern: httpOrigin, description: 'Where the application listens: http(s)://HOST:PORT.' }),
    title: Type.Optional(
      Type.String({ minLength: 1, maxLength: 60, description: 'What the tile says; the name by default.' }),
    ),
    audience: Type.Union([Type.Literal('everyone'), Type.Literal('admins')], {
      default: 'everyone',
      description: 'Read by the shipped policies: `everyone` (each active user) or `admins`.',
    }),
    ca: Type.Optional(
      Type.String({ minLength: 1, description: 'PEM file to trust for an https upstream instead of the system.' }),
    ),
    probe: Type.Union([Type.Boolean(), Type.String({ pattern: pathPattern, maxLength: 500 })], {
      default: true,
      description:
        'Whether Knot asks, about twice a minute and as nobody, if the application answers: `true` asks for /, a path asks for that, `false` never asks ("Not watched").',
    }),
    http2: Type.Boolean({
      default: false,
      description: 'Speaks HTTP/2 to the upstream (gRPC needs it), over TLS or, for http://, with prior knowledge.',
    }),
    methods: Type.Array(Type.String(), {
      default: [],
      description: 'Methods besides GET HEAD POST PUT PATCH DELETE OPTIONS, for example PROPFIND.',
    }),
    encodedSlash: Type.Boolean({ default: false, description: 'Passes %2F and %5C in the path on.' }),
    doubleSlash: Type.Boolean({ default: false, description: 'Passes // inside the path on.' }),
    pathParameters: Type.Boolean({ default: false, description: 'Passes ; in the path on.' }),
    publicPaths: Type.Array(Type.String(), {
      default: [],
      description:
        'Paths that pass without sign-in, for clients with tokens of their own: an exact path, or everything below one that ends in /.',
    }),
    ownedPaths: Type.Array(Type.String(), {
      default: [],
      description:
        'Paths ending in / behind which a user name stands; what is below it belongs to that person (a Service in the policies), for example /user/.',
    }),
    crossOrigins: Type.Array(Type.String(), {
      default: [],
      description:
        'Origins of other pages (https://HOST or https://HOST:PORT) that may ask, and change things, as the person signed in; their preflights reach the application, which answers them.',
    }),
    groups: Type.Array(Type.String(), {
      default: [],
      description:
        'The groups the application is told of, where a person is in them, for example knot-admins or knot:team:NAME; all groups when empty.',
    }),
  },
  'A web application behind sign-in.',
);

export type AppSettings = Static<typeof AppConfig>;

/** Upstreams that can be dialled, names that no other application and no integration has. */
export function checkApps(apps: readonly AppSettings[], integrations: readonly string[], add: AddProblem): void {
  const labels = new Map(integrations.map((name) => [name, `the integration ${name}`]));
  apps.forEach((app, index) => {
    checkLists(app, (setting, message) => add(`apps[${index}].${setting}`, message));
    if (!hasPort(app.upstream))
      add(`apps[${index}].upstream`, `has no such port: ${app.upstream}; ports go from 1 to 65535`);
    const taken = labels.get(app.name);
    if (taken) add(`apps[${index}].name`, `"${app.name}" is taken by ${taken}`);
    labels.set(app.name, `apps[${index}]`);
  });
}

/** The lists of an application, each entry by itself. */
function checkLists(app: AppSettings, add: AddProblem): void {
  const path = 'must be a path of plain characters (a-z A-Z 0-9 . _ ~ -) that starts with /, without "." or ".."';
  const lists: [
    key: 'methods' | 'publicPaths' | 'ownedPaths' | 'crossOrigins' | 'groups',
    isRight: (entry: string) => boolean,
    must: string,
  ][] = [
    ['methods', (entry) => methodName.test(entry), 'must be a method in capital letters, such as PROPFIND'],
    ['methods', (entry) => !neverForwarded.has(entry), 'must not be a tunnel or an echo, which are never forwarded'],
    ['publicPaths', isPlainPath, path],
    ['publicPaths', (entry) => !reserved.test(entry), 'must not lead below /.knot, which is reserved for signing in'],
    ['ownedPaths', (entry) => isPlainPath(entry) && /.\/$/.test(entry), `${path}, and end in / without being /`],
    [
      'crossOrigins',
      isPageOrigin,
      'must be an origin as browsers write it, https://HOST or https://HOST:PORT, and without the port 443',
    ],
    ['groups', (entry) => groupName.test(entry), 'must be the name of a group, such as knot-admins or knot:team:NAME'],
  ];
  for (const [key, isRight, must] of lists) {
    app[key].forEach((entry, at) => {
      if (!isRight(entry)) add(`${key}[${at}]`, `${must}, but it is ${JSON.stringify(entry)}`);
    });
  }
}

function isPlainPath(path: string): boolean {
  return plainPath.test(path) && !path.split('/').some((part) => part === '.' || part === '..');
}

function isPageOrigin(origin: string): boolean {
  return pageOrigin.test(origin) && hasPort(origin) && !origin.endsWith(':443');
}

/** What an operator opened on purpose, said again at each start. */
export function warnOfOpenApps(apps: readonly AppSettings[], warn: AddProblem): void {
  apps.forEach(({ name, publicPaths, crossOrigins }, index) => {
    if (publicPaths.includes('/')) {
      warn(`apps[${index}].publicPaths`, `lets everybody reach all of "${name}" without signing in`);
    } else if (publicPaths.length > 0) {
      warn(
        `apps[${index}].publicPaths`,
        `lets everybody reach ${publicPaths.join(', ')} of "${name}" without signing in`,
      );
    }
    if (crossOrigins.length > 0) {
      warn(
        `apps[${index}].crossOrigins`,
        `lets pages of ${crossOrigins.join(', ')} act in "${name}" as whoever is signed in`,
      );
    }
  });
}
