import type { ComponentHealth } from '../../lib/index.ts';
import { cureOf, type Sandbox } from '../../process/index.ts';

const name = 'service-isolation';
const title = 'Services';

export const noSandbox = (reason: string): string =>
  `Programs cannot be kept apart on this machine, so that only administrators start services: ${reason}.`;
export const sandboxRemedy =
  'Ask an administrator to install bubblewrap, or to switch services.sandbox off in knot.yaml.';

/** What stands between the services of people, and between them and the gateway. */
export function isolationHealth(sandbox: Sandbox, isRequired: boolean): ComponentHealth {
  if (sandbox.isAvailable) {
    const { confinement, accountProblem } = sandbox;
    if (confinement === 'namespace' && accountProblem !== undefined)
      return {
        ...{ name, title, status: 'warning' },
        message: `Each service runs in a sandbox of its own, but they share the account of the gateway, which is root: ${accountProblem}.`,
        remedy:
          'Run Knot as an ordinary user, or set integrations.jupyterhub.accounts to numbers that this system can use.',
      };
    const under = confinement === 'account' ? ', under an account of its owner' : '';
    return { name, title, status: 'ok', message: `Each service runs in a sandbox with a network of its own${under}.` };
  }
  const cure = cureOf(sandbox)!;
  if (isRequired)
    return {
      ...{ name, title, status: 'failed' },
      message: noSandbox(sandbox.reason),
      remedy: `${cure} Or, if everybody who has an account may own this machine, set services.sandbox: off.`,
    };
  return {
    ...{ name, title, status: 'failed' },
    message: `Whoever starts services owns the gateway: they can read and change its keys, its accounts, its database and everybody's files, because ${sandbox.reason} and services.sandbox is off.`,
    remedy: `${cure} Then take services.sandbox: off out of knot.yaml.`,
  };
}

export const withoutGroups: ComponentHealth = {
  name: 'service-limits',
  title: 'Limits of services',
  status: 'warning',
  message:
    'Control groups may not be made here: memory of services is bounded for each process and looked at every 15 seconds, and processors are not shared out.',
  remedy:
    'Run Knot where it may make control groups: under systemd with Delegate=yes, in a container with a writable /sys/fs/cgroup.',
};
