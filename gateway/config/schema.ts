import { type Static, type TSchema, Type } from 'typebox';

/**
 * The configuration of the gateway: one schema gives types, defaults, checks, the commented example and the chart's
 * `values.schema.json`. Each description is the sentence an admin reads in `knot config example`.
 */

const object = <P extends Record<string, TSchema>>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, description });

/** A secret never stands in the file: it is read from another file or from the environment. */
export const SecretReference = Type.Union(
  [
    Type.Object({ fromFile: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    Type.Object({ fromEnv: Type.String({ pattern: '^[A-Z_][A-Z0-9_]*$' }) }, { additionalProperties: false }),
  ],
  { description: 'A secret: {fromFile: PATH} or {fromEnv: NAME}.' },
);

const hostPort = '^(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+):([0-9]{1,5})$';
const httpOrigin = '^https?://(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?/?$';
/** Without user or query: what is secret stands in headers. */
const collectorAddress = '^https?://(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?(/[^\\s?#]*)?$';
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

export const ClientConfig = object(
  {
    clientId: Type.String({ pattern: '^[A-Za-z0-9._-]{1,80}$', description: 'The client_id.' }),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 60, description: 'Name shown on the consent page.' })),
    redirectUris: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Exact addresses; no wildcards.',
    }),
    postLogoutRedirectUris: Type.Array(Type.String(), {
      default: [],
      description: 'Where RP-initiated logout may return to.',
    }),
    secret: Type.Optional(SecretReference),
    public: Type.Boolean({
      default: false,
      description: 'A client without a secret (SPA, command line); PKCE is required.',
    }),
    firstParty: Type.Boolean({ default: false, description: 'Skips the consent page.' }),
    allowedGroups: Type.Array(Type.String(), {
      default: [],
      description: 'Groups that may use it; empty means everyone.',
    }),
  },
  'An OpenID Connect client.',
);

const milliseconds = (value: number, description: string) =>
  Type.Integer({ default: value, minimum: 1, maximum: 24 * 3_600_000, description: `${description} Milliseconds.` });
const count = (value: number, description: string, maximum = 1_000_000) =>
  Type.Integer({ default: value, minimum: 1, maximum, description });

export const LimitsConfig = object(
  {
    headerCount: count(100, 'Header fields of a request.', 1000),
    headerBytes: count(32 * 1024, 'Bytes of the header fields and the address of a request.', 256 * 1024),
    headersMs: milliseconds(
      15_000,
      'From the first byte of a request to the end of its headers; also the TLS handshake.',
    ),
    keepAliveMs: milliseconds(65_000, 'How long a connection may idle between requests.'),
    connectionsPerAddress: count(
      10_000,
      'Connections of one client address (IPv6: of one /64 network); more get 429. Trusted proxies are not counted.',
    ),
    streamsPerConnection: count(100, 'Concurrent HTTP/2 streams of a connection.', 10_000),
    connectMs: milliseconds(5_000, 'Until an upstream accepts a connection.'),
    firstByteMs: milliseconds(120_000, 'From the end of a request to the first byte of the answer.'),
    bodyIdleMs: milliseconds(60_000, 'A request body of which no byte arrives.'),
    bodyBytesPerSecond: Type.Integer({
      default: 240,
      minimum: 0,
      description: 'A request body that arrives slower ends with 408; 0 switches it off.',
    }),
    bodyRateMs: milliseconds(10_000, 'Over how long that rate is averaged; also the grace before it counts.'),
    streamIdleMs: milliseconds(2 * 3_600_000, 'An answer or WebSocket of which no byte moves.'),
    webSocketPingMs: Type.Integer({
      default: 30_000,
      minimum: 0,
      maximum: 24 * 3_600_000,
      description: 'A WebSocket whose client says nothing this long is sent a ping; 0 switches it off. Milliseconds.',
    }),
    webSocketPongMs: milliseconds(30_000, 'Until a client that was sent a ping and stays silent is closed.'),
    requestsPerUpstream: count(256, 'Plain requests in flight to one upstream.'),
    queuePerUpstream: count(1_024, 'Requests that may wait for one upstream; more get 503.'),
    queueMs: milliseconds(10_000, 'How long they wait before they get 503.'),
    streamsPerUpstream: count(8_192, 'WebSockets, event streams and long answers open to one upstream.'),
    streamsPerSession: count(512, 'WebSockets, event streams and long requests open to one sign-in; more get 429.'),
    answerHeaderBytes: count(128 * 1024, "Bytes of the header fields of an upstream's answer.", 1024 * 1024),
    drainDelayMs: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 600_000,
      description:
        'How long new requests are still taken after a stop was asked for and /readyz says no, so that load balancers turn away first. Milliseconds.',
    }),
    drainMs: milliseconds(5_000, 'How long answers may go on after a stop was asked for.'),
  },
  'Bounds of the forward path.',
);

export const TracingConfig = object(
  {
    endpoint: Type.String({
      pattern: collectorAddress,
      description:
        'Where spans are posted (OTLP, JSON): http(s)://HOST:PORT; the path is /v1/traces unless one is given.',
    }),
    ratio: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 1,
      description:
        'Share of the requests that are recorded. One that comes through trustedProxies with a traceparent is recorded when that says so.',
    }),
    serviceName: Type.String({
      default: 'knot',
      minLength: 1,
      maxLength: 100,
      description: 'Name of this gateway in the traces (service.name).',
    }),
    headers: Type.Array(
      object(
        {
          header: Type.String({
            pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$",
            description: 'Name of the header field, for example authorization.',
          }),
          value: SecretReference,
        },
        'A header field.',
      ),
      { default: [], description: 'Header fields the collector asks for.' },
    ),
  },
  'OpenTelemetry traces of forwarded requests. Without it nothing is traced.',
);

export const ConfigSchema = object(
  {
    domain: Type.String({
      default: 'localhost',
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$',
      description:
        'The one name Knot answers to; tools live one label below it (https://jupyterhub.DOMAIN). Lower case.',
    }),
    listen: Type.String({
      default: '127.0.0.1:8443',
      pattern: hostPort,
      description: 'Address and port of the HTTPS listener.',
    }),
    publicPort: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65535,
        description: 'Port people type when it differs from the listener (a load balancer on 443).',
      }),
    ),
    httpListen: Type.Optional(
      Type.String({
        pattern: hostPort,
        description: 'Plain-HTTP listener that only redirects to HTTPS. Off by default.',
      }),
    ),
    ops: Type.String({
      default: '127.0.0.1:9464',
      pattern: hostPort,
      description: 'Listener of /metrics, /healthz, /readyz; keep it on loopback.',
    }),
    data: Type.String({
      default: '.knot',
      minLength: 1,
      description: 'Folder for the database, certificates and embedded services.',
    }),
    policies: Type.String({
      default: 'policies',
      minLength: 1,
      description: 'Folder of the policy files; the shipped ones by default.',
    }),
    database: Type.Optional(
      Type.String({
        pattern: '^(sqlite:.+|postgres(ql)?://.+)$',
        description:
          'postgres://USER@HOST/DATABASE (password in databasePassword); SQLite in the data folder by default.',
      }),
    ),
    databasePassword: Type.Optional(SecretReference),
    trustedProxies: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'CIDRs whose X-Forwarded-For is believed. Empty: the peer address is the client.',
    }),
    tls: object(
      {
        cert: Type.Optional(
          Type.String({ description: 'PEM file: certificate and chain. Without it Knot makes its own local CA.' }),
        ),
        key: Type.Optional(Type.String({ description: 'PEM file of the private key.' })),
      },
      'Certificate. The files are watched; a new valid pair is used at once.',
    ),
    signUp: Type.Union([Type.Literal('off'), Type.Literal('approval'), Type.Literal('open')], {
      default: 'approval',
      description: 'Who may sign up: nobody, everyone after an admin approves, or everyone.',
    }),
    sessions: object(
      {
        idleSeconds: Type.Integer({
          default: 12 * 3600,
          minimum: 60,
          description: 'A session not used this long ends.',
        }),
        absoluteSeconds: Type.Integer({
          default: 7 * 24 * 3600,
          minimum: 60,
          description: 'A session ends after this long, used or not.',
        }),
      },
      'Lifetime of a sign-in.',
    ),
    login: object(
      {
        attemptsPerAccount: Type.Integer({
          default: 10,
          minimum: 1,
          description: 'Wrong passwords for one account within the window before it waits.',
        }),
        attemptsPerAddress: Type.Integer({
          default: 50,
          minimum: 1,
          description: 'Wrong passwords from one address within the window before it waits.',
        }),
        windowSeconds: Type.Integer({ default: 900, minimum: 1, description: 'Length of the window and of the wait.' }),
        linkSeconds: Type.Integer({
          default: 48 * 3600,
          minimum: 60,
          description: 'How long invitation and reset links work.',
        }),
        minimumPasswordLength: Type.Integer({
          default: 10,
          minimum: 8,
          maximum: 128,
          description: 'Shortest password.',
        }),
      },
      'Sign-in.',
    ),
    oidc: object(
      {
        clients: Type.Array(ClientConfig, { default: [], description: 'Clients besides those of the integrations.' }),
        keyRotationDays: Type.Integer({
          default: 90,
          minimum: 1,
          description: 'Age at which signing keys are replaced.',
        }),
      },
      'OpenID Provider.',
    ),
    integrations: object(
      {
        jupyterhub: object(
          {
            mode: Type.Union([Type.Literal('managed'), Type.Literal('external'), Type.Literal('off')], {
              default: 'managed',
              description: '`managed`: Knot installs and runs JupyterHub; `external`: one that runs elsewhere; `off`.',
            }),
            upstream: Type.Optional(
              Type.String({ pattern: httpOrigin, description: 'Address of the external hub: http(s)://HOST:PORT.' }),
            ),
            title: Type.String({
              default: 'Notebooks',
              minLength: 1,
              maxLength: 60,
              description: 'What the tile says.',
            }),
            clientSecret: Type.Optional(SecretReference),
            pythonEnvironment: Type.Optional(
              Type.String({
                minLength: 1,
                description:
                  'Folder of the Python environment of a managed hub; in the data folder by default, may be shared.',
              }),
            ),
          },
          'JupyterHub at https://jupyterhub.DOMAIN.',
        ),
      },
      'Tools with single sign-on.',
    ),
    apps: Type.Array(AppConfig, { default: [], description: 'Plain web applications behind sign-in.' }),
    limits: LimitsConfig,
    mail: Type.Optional(
      object(
        {
          server: Type.String({ pattern: '^smtps?://.+', description: 'smtp://USER@HOST:PORT or smtps://…' }),
          from: Type.String({ minLength: 3, description: 'Sender address.' }),
          password: Type.Optional(SecretReference),
        },
        'Outgoing mail. Without it links are shown to the admin to pass on.',
      ),
    ),
    tracing: Type.Optional(TracingConfig),
    log: object(
      {
        format: Type.Union([Type.Literal('auto'), Type.Literal('json'), Type.Literal('pretty')], {
          default: 'auto',
          description: '`auto`: pretty in a terminal, JSON otherwise.',
        }),
        level: Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')], {
          default: 'info',
          description: 'Least important level that is written.',
        }),
      },
      'Log on standard output.',
    ),
  },
  'Knot configuration',
);

export type Config = Static<typeof ConfigSchema> & {
  /** Folder relative paths are resolved against; `data` and `policies` are absolute already. */
  baseFolder: string;
};
export type SecretSource = Static<typeof SecretReference>;
export type AppSettings = Static<typeof AppConfig>;
export type ClientSettings = Static<typeof ClientConfig>;
