import { type Static, Type } from 'typebox';
import { type AddProblem, hasPort, httpOrigin, object } from './section.ts';

/** What can stand in the first line of a request as it is. */
const pathPattern = '^/[!-"$-~]*$';

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
    methods: Type.Array(Type.String({ pattern: '^[A-Z][A-Z-]{0,31}$' }), {
      default: [],
      description: 'Methods besides GET HEAD POST PUT PATCH DELETE OPTIONS, for example PROPFIND.',
    }),
    encodedSlash: Type.Boolean({ default: false, description: 'Passes %2F and %5C in the path on.' }),
    doubleSlash: Type.Boolean({ default: false, description: 'Passes // inside the path on.' }),
    pathParameters: Type.Boolean({ default: false, description: 'Passes ; in the path on.' }),
  },
  'A web application behind sign-in.',
);

export type AppSettings = Static<typeof AppConfig>;

/** Upstreams that can be dialled, names that no other application and no integration has. */
export function checkApps(apps: readonly AppSettings[], integrations: readonly string[], add: AddProblem): void {
  const labels = new Map(integrations.map((name) => [name, `the integration ${name}`]));
  apps.forEach((app, index) => {
    if (!hasPort(app.upstream))
      add(`apps[${index}].upstream`, `has no such port: ${app.upstream}; ports go from 1 to 65535`);
    const taken = labels.get(app.name);
    if (taken) add(`apps[${index}].name`, `"${app.name}" is taken by ${taken}`);
    labels.set(app.name, `apps[${index}]`);
  });
}
