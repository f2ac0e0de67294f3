import { type Static, Type } from 'typebox';
import { checkNetwork, networkConfig } from './network.ts';
import { type AddProblem, hasPort, httpOrigin, object, SecretReference } from './section.ts';

export const JupyterHubConfig = object(
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

export const IntegrationsConfig = object({ jupyterhub: JupyterHubConfig }, 'Tools with single sign-on.');

/** An external tool has an address, a managed one has none. */
export function checkIntegrations(integrations: Static<typeof IntegrationsConfig>, add: AddProblem): void {
  checkNetwork('integrations.jupyterhub.network', integrations.jupyterhub.network, add);
  for (const [name, { mode, upstream }] of Object.entries(integrations)) {
    const path = `integrations.${name}.upstream`;
    if (mode === 'external' && upstream === undefined) {
      add(path, 'is needed when mode is "external": http(s)://HOST:PORT of the hub');
    }
    if (mode !== 'external' && upstream !== undefined) {
      add(path, `has no effect when mode is "${mode}"; remove it or set mode: external`);
    }
    if (upstream !== undefined && !hasPort(upstream)) {
      add(path, `has no such port: ${upstream}; ports go from 1 to 65535`);
    }
  }
}
