import { type Static, Type } from 'typebox';
import { checkNetwork, networkConfig } from './network.ts';
import { type AddProblem, hasPort, httpOrigin, object, SecretReference } from './section.ts';

const ca = Type.Optional(
  Type.String({ minLength: 1, description: 'PEM file to trust for an https upstream instead of the system.' }),
);

export const JupyterHubConfig = object(
  {
    mode: Type.Union([Type.Literal('managed'), Type.Literal('external'), Type.Literal('off')], {
      default: 'managed',
      description: '`managed`: Knot installs and runs JupyterHub; `external`: one that runs elsewhere; `off`.',
    }),
    upstream: Type.Optional(
      Type.String({ pattern: httpOrigin, description: 'Address of the external hub: http(s)://HOST:PORT.' }),
    ),
    ca,
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
        description: 'Folder of the Python environment of a managed hub; in the data folder by default, may be shared.',
      }),
    ),
    isolation: Type.Union([Type.Literal('required'), Type.Literal('trusted-users')], {
      default: 'required',
      description:
        'Notebook servers of a managed hub where no sandbox can be had. `required`: only admins can start one. `trusted-users`: everybody can, and so everybody with an account owns the gateway: its keys, accounts and database.',
    }),
    accounts: object(
      {
        first: Type.Integer({
          default: 40_000,
          minimum: 1000,
          maximum: 4_000_000_000,
          description: 'Number of their common group; accounts (uid) have the numbers after it.',
        }),
        count: Type.Integer({ default: 20_000, minimum: 2, maximum: 100_000_000, description: 'How many numbers.' }),
      },
      'Accounts of this system that notebook servers run under when Knot runs as root. Each person keeps theirs.',
    ),
    network: networkConfig(
      ['*'],
      'Hosts that notebook servers of a managed hub reach from their sandbox, through the gateway.',
    ),
  },
  'JupyterHub at https://jupyterhub.DOMAIN.',
);

const whereItListens = {
  upstream: Type.String({ pattern: httpOrigin, description: 'Where it listens: http(s)://HOST:PORT.' }),
  ca,
};

/** What every tool that runs elsewhere has. */
const elsewhere = (title: string) => ({
  ...whereItListens,
  title: Type.String({ default: title, minLength: 1, maxLength: 60, description: 'What the tile says.' }),
});

const clientSecret = Type.Optional(SecretReference);

export const ArgoConfig = object(
  {
    ...elsewhere('Workflows'),
    namespace: Type.String({
      default: 'argo',
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      description: 'Namespace that the Argo server runs in.',
    }),
    auth: Type.Union([Type.Literal('token'), Type.Literal('sso')], {
      default: 'token',
      description:
        '`token`: Knot shows the server a short token of the account of whoever asks (the server runs with --auth-mode client); `sso`: the server signs people in at Knot, keeps a session of its own, and finds whose rights they have in accounts that Knot keeps (--auth-mode sso --auth-mode client).',
    }),
    clientSecret,
  },
  'Argo Workflows at https://argo.DOMAIN; needs `engine: kubernetes`.',
);

export const HarborConfig = object(
  {
    ...elsewhere('Images'),
    admin: Type.Optional(SecretReference),
    robot: Type.Optional(
      object(
        {
          name: Type.String({ minLength: 1, maxLength: 255, description: 'Its whole name, such as robot$knot.' }),
          secret: SecretReference,
        },
        'A system robot that Knot acts as instead of `admin`; it cannot set up sign-in, which is pasted then.',
      ),
    ),
    clientSecret,
  },
  'Harbor at https://harbor.DOMAIN. `admin` is the password of its administrator.',
);

export const GrafanaConfig = object(
  {
    ...elsewhere('Metrics'),
    auth: Type.Union([Type.Literal('jwt'), Type.Literal('oidc')], {
      default: 'jwt',
      description:
        '`jwt`: Knot names who asks with each request, by a signed token; `oidc`: Grafana signs people in at Knot and keeps a session of its own.',
    }),
    admin: Type.Optional(
      object(
        {
          user: Type.String({ default: 'admin', minLength: 1, description: 'Name of a server administrator.' }),
          password: SecretReference,
        },
        'With whose rights Knot makes folders, dashboards and the data source.',
      ),
    ),
    clientSecret,
  },
  'Grafana at https://grafana.DOMAIN.',
);

export const PrometheusConfig = object(
  {
    ...whereItListens,
    token: Type.Optional(SecretReference),
  },
  'Prometheus, asked by the gateway alone: people see the series of their own namespaces. `token`: a bearer token for it.',
);

export const IntegrationsConfig = object(
  {
    jupyterhub: JupyterHubConfig,
    argo: Type.Optional(ArgoConfig),
    harbor: Type.Optional(HarborConfig),
    grafana: Type.Optional(GrafanaConfig),
    prometheus: Type.Optional(PrometheusConfig),
  },
  'Tools with single sign-on, and what they measure.',
);

export type Integrations = Static<typeof IntegrationsConfig>;

/** Names of the tools that have a host and an OpenID client: no application and no client of `oidc.clients` may have them. */
export const toolNames = (integrations: Integrations): string[] =>
  Object.keys(integrations).filter((name) => name !== 'prometheus');

/** What a schema cannot say of the tools: addresses that exist, and what contradicts the engine. */
export function checkIntegrations(integrations: Integrations, engine: 'process' | 'kubernetes', add: AddProblem): void {
  const { jupyterhub, ...others } = integrations;
  checkNetwork('integrations.jupyterhub.network', jupyterhub.network, add);
  const { mode, upstream } = jupyterhub;
  const path = 'integrations.jupyterhub.upstream';
  // An external tool has an address, a managed one has none.
  if (mode === 'external' && upstream === undefined)
    add(path, 'is needed when mode is "external": http(s)://HOST:PORT of the hub');
  if (mode !== 'external' && upstream !== undefined)
    add(path, `has no effect when mode is "${mode}"; remove it or set mode: external`);
  if (mode !== 'external' && jupyterhub.ca !== undefined)
    add('integrations.jupyterhub.ca', `has no effect when mode is "${mode}"; remove it or set mode: external`);
  if (upstream !== undefined) checkPort(path, upstream, add);
  for (const [name, tool] of Object.entries(others)) checkPort(`integrations.${name}.upstream`, tool.upstream, add);
  const { argo, harbor } = integrations;
  if (argo && engine !== 'kubernetes')
    add('integrations.argo', 'needs `engine: kubernetes`: workflows are pods of a cluster');
  if (harbor?.admin && harbor.robot)
    add('integrations.harbor.robot', 'has no effect beside `admin`; remove one of both');
}

function checkPort(path: string, upstream: string, add: AddProblem): void {
  if (!hasPort(upstream)) add(path, `has no such port: ${upstream}; ports go from 1 to 65535`);
}
