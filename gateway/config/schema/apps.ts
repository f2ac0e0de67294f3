import { type Static, Type } from 'typebox';
import { type AddProblem, hasPort, httpOrigin, object, SecretReference } from './section.ts';

/** What can stand in the first line of a request as it is. */
const pathPattern = '^/[!-"$-~]*$';

/** An absolute path that every upstream reads alike. */
const plainPath = /^\/(?:[A-Za-z0-9._~-]+(?:\/(?=[^/])|\/?$))*$/;
/** An origin as browsers write it (Fetch, "serializing a request origin"). */
const pageOrigin = /^https:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$/;
/** Groups stand in one field, divided by commas. */
const groupName = /^[!-+\--~]{1,100}$/;

/** RFC 6265 section 4.1.1. */
const cookieName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

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
    kind: Type.Union(
      [Type.Literal('plain'), Type.Literal('oidc'), Type.Literal('header'), Type.Literal('jwt'), Type.Literal('token')],
      {
        default: 'plain',
        description:
          'How the application learns who asks. `plain`: by the fields every application gets (X-Knot-User, X-Knot-Assertion); `oidc`: it signs people in at Knot; `header`: by the fields in `identityFields`; `jwt`: by a signed token in the field `tokenField`; `token`: it knows no people, and is shown the same secret for everybody.',
      },
    ),
    redirectPaths: Type.Array(Type.String(), {
      default: [],
      description: 'Of `oidc`: where it takes people back after they signed in, for example /oauth2/callback.',
    }),
    clientSecret: Type.Optional(SecretReference),
    identityFields: Type.Optional(
      object(
        {
          user: Type.String({ default: 'X-WEBAUTH-USER', description: 'Holds the name of the person.' }),
          email: Type.Optional(Type.String({ description: 'Holds the e-mail address.' })),
          groups: Type.Optional(Type.String({ description: 'Holds the groups, divided by commas.' })),
        },
        'Of `header`: names of fields. Nobody but Knot can send them.',
      ),
    ),
    tokenField: Type.Optional(
      Type.String({ description: 'Of `jwt` and `token`: the field, X-JWT-Assertion or Authorization by default.' }),
    ),
    token: Type.Optional(SecretReference),
    withheldCookies: Type.Array(Type.String(), {
      default: [],
      description:
        'Cookies of the application that are kept from it, because it would believe them rather than what Knot says of who asks.',
    }),
    signInCookies: Type.Array(Type.String(), {
      default: [],
      description:
        'Of `oidc` and `plain`: cookies in which the application keeps a sign-in of its own. Each is worth something only in the session here in which it was given.',
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
    checkKind(app, (setting, message) => add(`apps[${index}].${setting}`, message));
    checkLists(app, (setting, message) => add(`apps[${index}].${setting}`, message));
    if (!hasPort(app.upstream))
      add(`apps[${index}].upstream`, `has no such port: ${app.upstream}; ports go from 1 to 65535`);
    const taken = labels.get(app.name);
    if (taken) add(`apps[${index}].name`, `"${app.name}" is taken by ${taken}`);
    labels.set(app.name, `apps[${index}]`);
  });
}

/** What only applications of one kind have, and what each of a kind needs. */
function checkKind(app: AppSettings, add: AddProblem): void {
  const { kind } = app;
  const belongs: [
    key: 'redirectPaths' | 'clientSecret' | 'signInCookies' | 'identityFields' | 'tokenField' | 'token',
    kinds: string[],
  ][] = [
    ['redirectPaths', ['oidc']],
    ['clientSecret', ['oidc']],
    ['signInCookies', ['oidc', 'plain']],
    ['identityFields', ['header']],
    ['tokenField', ['jwt', 'token']],
    ['token', ['token']],
  ];
  for (const [key, kinds] of belongs) {
    const value = app[key];
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isSet && !kinds.includes(kind))
      add(key, `has no effect when kind is "${kind}", but with ${kinds.join(' or ')}`);
  }
  if (kind === 'oidc' && app.redirectPaths.length === 0)
    add('redirectPaths', 'is needed when kind is "oidc": where people come back, for example /oauth2/callback');
  if (kind === 'token' && app.token === undefined)
    add('token', 'is needed when kind is "token": {fromFile: PATH} or {fromEnv: NAME}');
  const { user, email, groups } = app.identityFields ?? {};
  const fields = Object.entries({
    'identityFields.user': user,
    'identityFields.email': email,
    'identityFields.groups': groups,
    tokenField: app.tokenField,
  });
  for (const [key, field] of fields) {
    if (field === undefined || (fieldName.test(field) && !reservedFields.test(field))) continue;
    add(
      key,
      `must be the name of a field that is free for this, such as X-WEBAUTH-USER, but it is ${JSON.stringify(field)}`,
    );
  }
}

/** Plain names: an upstream may read `_` as `-`, and then anybody could send the field (catalogue H3). */
const fieldName = /^[A-Za-z][A-Za-z0-9-]{0,62}$/;
/** What the gateway sets itself, and what frames a message. */
const reservedFields =
  /^(?:x-knot-.*|x-forwarded-.*|forwarded|x-real-ip|host|connection|cookie|content-.*|transfer-encoding|te|trailer|upgrade|expect|origin|accept.*|sec-.*|proxy-.*|keep-alive)$/i;

type ListSetting = {
  [Key in keyof AppSettings]: AppSettings[Key] extends string[] ? Key : never;
}[keyof AppSettings] & {};

/** The lists of an application, each entry by itself. */
function checkLists(app: AppSettings, add: AddProblem): void {
  const path = 'must be a path of plain characters (a-z A-Z 0-9 . _ ~ -) that starts with /, without "." or ".."';
  const lists: [key: ListSetting, isRight: (entry: string) => boolean, must: string][] = [
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
    ['redirectPaths', isPlainPath, path],
    ['redirectPaths', (entry) => !reserved.test(entry), 'must not lead below /.knot, which is reserved for signing in'],
    ['withheldCookies', (entry) => cookieName.test(entry), 'must be the name of a cookie'],
    ['signInCookies', (entry) => cookieName.test(entry), 'must be the name of a cookie'],
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

/** What an operator opened on purpose or left open, said again at each start. */
export function warnOfOpenApps(apps: readonly AppSettings[], warn: AddProblem): void {
  apps.forEach(({ name, kind, publicPaths, crossOrigins, signInCookies, withheldCookies }, index) => {
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
    if (kind === 'oidc' && signInCookies.length === 0 && withheldCookies.length === 0) {
      warn(
        `apps[${index}].signInCookies`,
        `is empty: what "${name}" keeps of a sign-in in a browser goes on after signing out of Knot, whoever comes next; name its cookie`,
      );
    }
  });
}
